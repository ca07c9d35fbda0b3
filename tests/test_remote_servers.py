"""Libraries on web servers, with listings and without, and in S3 (moto's server): all on 127.0.0.1."""

import functools
import gc
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from library_toys import record, tree, write_library

from nmcfast.cli import main
from nmcfast.errors import DamageError, InputError
from nmcfast.export import zarr as zarr_format
from nmcfast.library.check import verify_library
from nmcfast.library.open import open_library

HTTPFileSystem = pytest.importorskip("fsspec.implementations.http", reason="aiohttp is not installed").HTTPFileSystem
pytestmark = pytest.mark.filterwarnings("ignore")  # of servers and clients that are not ours


class Server(SimpleHTTPRequestHandler):
    """A web server that answers range requests, as object stores and static hosts do."""

    lists = True

    def send_head(self) -> Any:
        asked = self.headers.get("Range")
        if asked is None or not os.path.isfile(self.translate_path(self.path)):
            return super().send_head()
        file = open(self.translate_path(self.path), "rb")  # noqa: SIM115  the caller closes it
        size = os.fstat(file.fileno()).st_size
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, size - int(last))
        stop = min(int(last), size - 1) if first and last else size - 1
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{stop}/{size}")
        self.send_header("Content-Length", str(stop - start + 1))
        self.end_headers()
        file.seek(start)
        self.copyfile = lambda source, output: output.write(source.read(stop - start + 1))  # type: ignore[method-assign]
        return file

    def list_directory(self, path: Any) -> Any:
        if self.lists:
            return super().list_directory(path)
        return self.send_error(403)

    def log_message(self, *_: Any) -> None:
        pass


class Silent(Server):
    """A web server that does not list folders."""

    lists = False


@dataclass
class Store:
    """Somewhere to put libraries: name -> URL; `remove` takes away a file or a folder."""

    url: str
    put: Callable[[Path, str], None]
    remove: Callable[[str], None]


def web(handler: type[Server], folder: Path) -> Iterator[Store]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def remove(name: str) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    put = lambda path, name: shutil.copytree(path, folder / name, dirs_exist_ok=True)  # noqa: E731
    yield Store(f"http://127.0.0.1:{server.server_address[1]}", put, remove)
    server.shutdown()
    server.server_close()
    thread.join()


def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem(use_listings_cache=False)
    bucket = f"bucket-{secrets.token_hex(4)}"  # moto keeps buckets as long as the process lives
    files.mkdir(bucket)

    def put(path: Path, name: str) -> None:
        files.put(f"{path}/", f"{bucket}/deep/{name}/", recursive=True)

    yield Store(f"s3://{bucket}/deep", put, lambda name: files.rm(f"{bucket}/deep/{name}", recursive=True))
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(params=["listing", "silent", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("NMCFAST_CACHE", str(tmp_path / "cache"))
    (tmp_path / "www").mkdir()
    if request.param == "s3":
        yield from s3(monkeypatch)
    else:
        yield from web(Server if request.param == "listing" else Silent, tmp_path / "www")
    HTTPFileSystem.clear_instance_cache()
    gc.collect()  # sessions of clients say that they were not closed: here, where it is ignored


EACH = [("listing", "vtu"), ("silent", "hdf5"), ("s3", "zarr")]  # each kind of store, and each format


@pytest.mark.parametrize(("store", "form"), EACH, indirect=["store"])
def test_a_library_is_the_one_on_the_disk(store: Store, tmp_path: Path, form: str) -> None:
    path = write_library(tmp_path / "lib", format=form)
    store.put(path, "a lib")
    remote, local = open_library(f"{store.url}/a lib"), open_library(path)
    assert (len(remote), remote.complete) == (7, True)
    assert np.array_equal(remote.index(), local.index())
    for index in (6, 0, 4):
        assert np.array_equal(remote.labels(index), record(index).labels)
        assert np.array_equal(remote.record(index).halo_angle, local.record(index).halo_angle)
    assert remote.query("index > 4 and split == 'train'").tolist() == [5, 6]
    if form != "zarr":  # whose 250 objects tests/test_remote.py fetches from memory
        report = verify_library(f"{store.url}/a lib")
        assert report.ok and (report.shards, report.particles) == (3, 7)


@pytest.mark.parametrize(("store", "form"), EACH, indirect=["store"])
def test_what_is_damaged_or_missing_is_one_line(store: Store, tmp_path: Path, form: str) -> None:
    path = write_library(tmp_path / "lib", format=form)
    files = sorted(p for p in (path / "shards/000001").rglob("*") if p.is_file() and p.name != "manifest.json")
    names = [str(p.relative_to(path)) for p in files]
    for p in files:
        data = bytearray(p.read_bytes())
        data[len(data) // 2] ^= 1
        p.write_bytes(data)
    store.put(path, "lib")
    said = []
    store.remove("lib/" + names[0])
    for number, index in ((1, 4), (2, 6)):
        if number == 2:
            store.remove("lib/shards/000002")
        with pytest.raises(DamageError) as caught:
            open_library(f"{store.url}/lib").record(index)
        said.append(str(caught.value))
    assert said[0] == f"{store.url}/lib/{names[0]}: missing, the manifest of its shard lists it: restore it from a copy"
    assert said[1].startswith(f"{store.url}/lib") and "000002" in said[1] and "is missing" in said[1]
    store.put(path, "lib")
    with pytest.raises(DamageError) as caught:
        open_library(f"{store.url}/lib").labels(3)
    assert str(caught.value) == f"{store.url}/lib/{names[0]}: SHA-256 differs from the manifest"
    assert open_library(f"{store.url}/lib").record(0).index == 0


def test_the_commands_take_its_url_and_name_it(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put(write_library(tmp_path / "lib", **zarr_format.encoders()), "lib")
    url = f"{store.url}/lib"
    assert main(["export", url, "--to", "zarr", "--output", str(tmp_path / "out"), "--quiet"]) == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "lib")
    capsys.readouterr()
    assert main(["info", f"{store.url}/none"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"nmcfast: {store.url}/none/zarr.json: cannot be fetched (no such object)")
    assert len(err.splitlines()) == 1


def test_an_unfinished_library_gives_what_a_store_lists(store: Store, tmp_path: Path) -> None:
    path = write_library(tmp_path / "lib")
    (path / "complete.json").unlink()
    shutil.rmtree(path / "shards/000001")
    store.put(path, "lib")
    opened = open_library(f"{store.url}/lib")
    try:
        missing = opened.missing_shards
    except InputError as error:  # a web server without listings, and no complete.json that could tell
        assert "shards: cannot be fetched (403" in str(error)
        return
    assert missing == [1]
    assert opened.table["index"].tolist() == [0, 1, 2, 6]
    with pytest.raises(InputError, match="shard 000001 is missing, 2 of 3 shards: continue"):
        opened.record(4)


def test_zarr_reads_a_shard_in_parts_as_it_is(store: Store, tmp_path: Path) -> None:
    import zarr

    store.put(write_library(tmp_path / "lib"), "lib")
    labels = record(4).labels
    assert labels is not None
    array = zarr.open_array(f"{store.url}/lib/shards/000001/labels", mode="r")
    nz, ny, nx = labels.shape
    assert np.array_equal(array[1, :nz, :ny, :nx], labels)  # type: ignore[index]


def test_a_store_out_of_reach_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("NMCFAST_CACHE", str(tmp_path / "cache"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/lib"
    assert main(["info", url]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"nmcfast: {url}/zarr.json: cannot be fetched (")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "scheme", "module", "extra"),
    [("info", "s3", "s3fs", "s3"), ("generate", "s3", "s3fs", "s3"), ("info", "http", "aiohttp", "remote")],
)
def test_a_missing_package_of_a_store_is_named_with_its_extra(
    command: str, scheme: str, module: str, extra: str
) -> None:
    code = f"import sys; sys.modules[{module!r}] = None\nfrom nmcfast.cli import main\nsys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, command, f"{scheme}://nowhere.invalid/lib"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"nmcfast: {scheme}://nowhere.invalid/lib: ")
    assert done.stderr.endswith(f": pip install 'nmcfast[{extra}]'\n")
    assert len(done.stderr.splitlines()) == 1
