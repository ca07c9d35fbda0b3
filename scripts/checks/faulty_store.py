"""An S3 store on 127.0.0.1 (moto's server) behind a proxy that fails a share of the requests, always the same."""

import hashlib
import http.client
import logging
import os
import re
import secrets
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# answered and not done; not answered and not done; not answered, late or not wholly, and done
FAULTS = ("slow down", "internal error", "reset", "stalled", "lost answer", "cut answer")
_ANSWERS = {
    "slow down": (503, "SlowDown"),
    "internal error": (500, "InternalError"),
    "full": (507, "XMinioStorageFull"),
    "forbidden": (403, "AccessDenied"),
}
_HOP = ("connection", "transfer-encoding", "content-length", "date", "server")


class Proxy(ThreadingHTTPServer):
    """Passes requests on to a server. choose: method, path and how often these came before -> a fault, or None."""

    daemon_threads = True

    def __init__(self, server: tuple[str, int], choose: Callable[[str, str, int], str | None], stall: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.choose, self.stall = server, choose, stall
        self.faults: Counter[str] = Counter()
        self.requests: list[tuple[str, str]] = []
        self._came: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def came(self, name: str) -> int:
        """How many requests to put an object of this name came."""
        with self._lock:
            return sum(method == "PUT" and path.endswith(name) for method, path in self.requests)

    def fault(self, method: str, path: str) -> str | None:
        with self._lock:
            self.requests.append((method, path))
            chosen = self.choose(method, path, self._came[method, path])
            self._came[method, path] += 1
            if chosen:
                self.faults[chosen] += 1
        return chosen

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went, as they do when they do not wait any longer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault(self.command, self.path)  # type: ignore[attr-defined]
        if fault in _ANSWERS:
            status, code = _ANSWERS[fault]
            said = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
            return self._answer(status, [("Content-Type", "application/xml")], said)
        if fault == "reset":
            return self._reset()
        if fault == "stalled":
            time.sleep(self.server.stall)  # type: ignore[attr-defined]
            return self._reset()
        upstream = http.client.HTTPConnection(*self.server.upstream, timeout=60)  # type: ignore[attr-defined]
        upstream.request(self.command, self.path, body, dict(self.headers.items()))
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        if fault == "lost answer":
            return self._reset()
        if fault == "gone":  # done before, and the store remembers no upload
            said = b"<?xml version='1.0'?><Error><Code>NoSuchUpload</Code><Message>injected</Message></Error>"
            return self._answer(404, [("Content-Type", "application/xml")], said)
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
        length = int(answer.getheader("Content-Length") or 0) if self.command == "HEAD" else len(data)
        self._answer(answer.status, headers, data[: len(data) // 2] if fault == "cut answer" else data, length)
        if fault == "cut answer":
            self._reset()
        return None

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _reset(self) -> None:
        """End the connection as a machine does that fails: what was on its way is lost."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        pass


def share(rate: float, seed: int) -> Callable[[str, str, int], str | None]:
    """Fails this share of the requests; a seed fixes which, in whatever order they come and to whatever bucket."""

    def choose(method: str, path: str, before: int) -> str | None:
        below = re.sub("^/[^/?]*", "", path)
        drawn = hashlib.sha256(f"{seed} {method} {below} {before}".encode()).digest()
        failed = int.from_bytes(drawn[:4], "big") < rate * 2**32
        return FAULTS[drawn[4] % len(FAULTS)] if failed else None

    return choose


@contextmanager
def moto() -> Iterator[tuple[str, int]]:
    """Address of an S3 server; the environment has keys for it."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1"}
    try:
        yield server.get_host_and_port()
    finally:
        server.stop()


@contextmanager
def proxy(server: tuple[str, int], choose: Callable[[str, str, int], str | None], stall: float) -> Iterator[Proxy]:
    """The proxy while it serves. stall: s for which a stalled request is held."""
    served = Proxy(server, choose, stall)
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.shutdown()
        served.server_close()
        thread.join()


def new_bucket(server: tuple[str, int]) -> str:
    """The name of an empty bucket: moto keeps them as long as the process lives."""
    name = f"bucket-{secrets.token_hex(4)}"
    connection = http.client.HTTPConnection(*server, timeout=60)
    connection.request("PUT", f"/{name}")
    if connection.getresponse().status != 200:
        raise AssertionError("no bucket")
    connection.close()
    return name
