"""Objects written to S3: each created whole, once, and never in the place of another.

A request that fails for a reason that may pass is made again, with longer and longer pauses. An object that is too
large for one request goes up in parts, and what does not end is aborted, also when the program is interrupted.
"""

import asyncio
import base64
import hashlib
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from nmcfast.errors import InputError, MissingExtraError, NmcfastError
from nmcfast.export.files import sha256_file
from nmcfast.objects import parts
from nmcfast.objects.errors import is_passing, is_taken, said
from nmcfast.objects.store import filesystem

SCHEMES = ("s3", "s3a")
AT_ONCE = 16  # requests under way at once
TRIES, FIRST_PAUSE, LONGEST_PAUSE = 8, 0.25, 15.0  # s: half a minute in all, beside what the tries themselves take
_CLEAN_UP = 1.5  # s for aborting what an interruption cuts off
Result = TypeVar("Result")

_LOG = logging.getLogger("nmcfast")


class Bucket:
    """The objects below an s3:// URL. NmcfastError when the store fails for good, InputError when it refuses.

    notes: a folder for what is known of unfinished uploads, so that another process can abort them.
    """

    def __init__(self, url: str, options: dict[str, Any] | None = None, notes: Path | None = None) -> None:
        if url.partition("://")[0] not in SCHEMES:
            raise InputError(f"{url}: libraries are written to a path or to s3://: make it on a disk and copy it")
        self.url, self.notes, self.repeated = url, notes, 0
        self._fs, root = filesystem(url, {**(options or {}), "skip_instance_cache": True})
        self._fs.retries = 1  # tried again here, where it is counted
        self._fs.config_kwargs = {"retries": {"max_attempts": 0}, **self._fs.config_kwargs}
        self._bucket, _, below = root.partition("/")
        self._prefix = f"{below}/" if below else ""
        if not self._wait(self._knows_conditions(), ""):  # s3fs drops, silently, what an old botocore does not know
            raise MissingExtraError("writing to s3:// needs aiobotocore 2.15 or later: pip install -U 'nmcfast[s3]'")

    def read(self, name: str) -> bytes | None:
        """The bytes of an object; None when there is none."""
        return self.read_all([name])[name]

    def read_all(self, names: list[str]) -> dict[str, bytes | None]:
        """The same for many at once."""
        return self._all(names, self._read)

    def folders(self, name: str) -> list[str]:
        """Names of the folders in a folder."""
        return self._wait(self._list(f"{name}/"), name)[1]

    def is_empty(self) -> bool:
        """Whether nothing lies below the URL."""
        return not any(self._wait(self._list(""), ""))

    def create(self, name: str, held: bytes | Path) -> bool:
        """Create an object of bytes, or of a file's; whether it holds these now, made by whomever."""
        return self.create_all({name: held})[name]

    def create_all(self, objects: dict[str, bytes | Path]) -> dict[str, bool]:
        """The same for many at once."""
        return self._all(list(objects), lambda name: self._create(name, objects[name]))

    def holds(self, name: str, digest: str) -> bool:
        """Whether an object is there and has this SHA-256."""
        try:
            return self._wait(self._is(self.key(name), None, digest), name)
        except InputError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return False
            raise

    def abort_noted(self) -> None:
        """Abort the uploads that processes which are no more left unfinished, by their notes."""
        if self.notes is None:
            return
        try:
            self._wait(asyncio.wait_for(parts.abort_noted(self.call, self.notes), _CLEAN_UP), "")
        except NmcfastError as error:
            _LOG.warning("%s: uploads of killed workers stay unfinished until the object is made (%s)", self.url, error)

    def key(self, name: str) -> str:
        return f"{self._prefix}{name}"

    async def call(self, method: str, **arguments: Any) -> Any:
        """One request of the S3 API, made again as often as it may pass."""
        return await self._again(lambda: self._fs._call_s3(method, Bucket=self._bucket, **arguments))

    async def _knows_conditions(self) -> bool:
        client = await self._fs.set_session()
        return "IfNoneMatch" in client.meta.service_model.operation_model("PutObject").input_shape.members

    async def _again(self, request: Callable[[], Awaitable[Result]]) -> Result:
        for attempt in range(TRIES - 1):
            try:
                return await request()
            except Exception as error:
                if not is_passing(error):
                    raise
            self.repeated += 1
            await asyncio.sleep(min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1.0))
        return await request()

    async def _read(self, name: str) -> bytes | None:
        async def request() -> bytes:
            answer = await self._fs._call_s3("get_object", Bucket=self._bucket, Key=self.key(name))
            async with answer["Body"] as body:
                return await body.read()

        try:
            return await self._again(request)
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error.__cause__):
                raise
            return None

    async def _list(self, folder: str) -> tuple[list[str], list[str]]:
        """Names of objects and of folders right below a folder ("" or with a slash at its end)."""
        objects, folders, more = list[str](), list[str](), dict[str, Any]()
        prefix = self.key(folder)
        while True:
            page = await self.call("list_objects_v2", Prefix=prefix, Delimiter="/", **more)
            keys = (entry["Key"] for entry in page.get("Contents", []))
            objects += [key.removeprefix(prefix) for key in keys if key != prefix]  # which marks the folder
            folders += [entry["Prefix"].removeprefix(prefix)[:-1] for entry in page.get("CommonPrefixes", [])]
            if not page.get("IsTruncated"):
                return objects, folders
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def _create(self, name: str, held: bytes | Path) -> bool:
        key, size = self.key(name), len(held) if isinstance(held, bytes) else held.stat().st_size
        digest = hashlib.sha256(held).hexdigest() if isinstance(held, bytes) else sha256_file(held)
        try:
            if isinstance(held, Path) and size > parts.LARGEST_WHOLE:
                await parts.put(self.call, self.notes, key, held, digest)
            else:
                await self._put(key, held if isinstance(held, bytes) else held.read_bytes(), digest)
        except Exception as error:
            if not is_taken(error):
                raise
            return await self._is(key, size, digest)
        return True

    async def _put(self, key: str, data: bytes, digest: str) -> None:
        checksum = base64.b64encode(bytes.fromhex(digest)).decode()  # the store refuses what arrives otherwise
        noted = {"sha256": digest}
        await self.call("put_object", Key=key, Body=data, Metadata=noted, ChecksumSHA256=checksum, IfNoneMatch="*")

    async def _is(self, key: str, size: int | None, digest: str) -> bool:
        """Whether an object has this size and SHA-256: as was noted with it, or else as it is."""
        head = await self.call("head_object", Key=key)
        if size is not None and head["ContentLength"] != size:
            return False
        noted = head.get("Metadata", {}).get("sha256")
        if noted is None:
            data = await self._read(key.removeprefix(self._prefix))
            noted = hashlib.sha256(data or b"").hexdigest()
        return noted == digest

    def _all(self, names: list[str], task: Callable[[str], Coroutine[Any, Any, Result]]) -> dict[str, Result]:
        """A task for each name, several at once. The first error ends all."""
        free = asyncio.Semaphore(AT_ONCE)

        async def one(name: str) -> Result:
            async with free:
                try:
                    return await task(name)
                except NmcfastError:
                    raise
                except Exception as error:
                    raise said(f"{self.url}/{name}", error, TRIES) from error

        async def every() -> dict[str, Result]:
            async with asyncio.TaskGroup() as group:
                tasks = {name: group.create_task(one(name)) for name in names}
            return {name: task.result() for name, task in tasks.items()}

        return self._wait(every(), "")

    def _wait(self, work: Coroutine[Any, Any, Result], name: str) -> Result:
        """What a coroutine gives, run in fsspec's thread; an interruption here cancels it there."""
        ended = threading.Event()

        async def noticed() -> Result:
            try:
                return await work
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(noticed(), self._fs.loop)
        try:
            return future.result()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group.exceptions[0].__cause__
        except NmcfastError:
            raise
        except Exception as error:
            raise said(f"{self.url}/{name}".rstrip("/"), error, TRIES) from error
        except BaseException:
            future.cancel()
            ended.wait(_CLEAN_UP)
            raise
