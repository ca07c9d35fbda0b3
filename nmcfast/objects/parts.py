"""Multipart uploads: one that does not end is aborted, by who began it or, if that was killed, by its note."""

import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nmcfast.objects.errors import answer

Call = Callable[..., Awaitable[Any]]  # a request of the S3 API to one bucket: its name and arguments
LARGEST_WHOLE = PART = 64 * 2**20  # bytes: what is larger goes up in parts of this size
MOST_PARTS = 10_000  # of an upload, by S3

_LOG = logging.getLogger("nmcfast")


async def put(call: Call, notes: Path | None, key: str, file: Path, digest: str) -> None:
    """Create an object of a large file's bytes. FileExistsError when there is one; it is looked for first."""
    if await _is_there(call, key):
        await _abort_others(call, key)
        raise FileExistsError(key)
    begun = await call("create_multipart_upload", Key=key, Metadata={"sha256": digest})
    upload = {"Key": key, "UploadId": begun["UploadId"]}
    note = _note(notes, upload)
    try:
        sent = await _send(call, upload, file)
        await call("complete_multipart_upload", **upload, MultipartUpload={"Parts": sent}, IfNoneMatch="*")
    except BaseException as error:
        await _abort(call, upload)
        _forget(note)
        if answer(error)[1] == "NoSuchUpload" and await _is_there(call, key):
            raise FileExistsError(key) from error  # another's, or ours, whose answer got lost
        raise
    _forget(note)
    await _abort_others(call, key)


async def _send(call: Call, upload: dict[str, str], file: Path) -> list[dict[str, Any]]:
    sent, part = list[dict[str, Any]](), max(PART, -(-file.stat().st_size // MOST_PARTS))
    with open(file, "rb") as source:
        while data := source.read(part):
            number = len(sent) + 1
            done = await call("upload_part", **upload, PartNumber=number, Body=data)
            sent.append({"PartNumber": number, "ETag": done["ETag"]})
    return sent


async def _is_there(call: Call, key: str) -> bool:
    try:
        await call("head_object", Key=key)
    except FileNotFoundError:
        return False
    return True


async def _abort(call: Call, upload: dict[str, str]) -> None:
    """Abort an upload; one that is no more is aborted."""
    try:
        await call("abort_multipart_upload", **upload)
    except FileNotFoundError:
        return


async def _abort_others(call: Call, key: str) -> None:
    """Abort what else is on its way to an object that is there, such as what a killed run left."""
    try:
        page = await call("list_multipart_uploads", Prefix=key)
    except PermissionError as error:
        _LOG.warning("%s: unfinished uploads of killed runs cannot be listed (%s)", key, error)
        return
    for entry in page.get("Uploads", []):
        if entry["Key"] == key:
            await _abort(call, {"Key": key, "UploadId": entry["UploadId"]})


def _note(notes: Path | None, upload: dict[str, str]) -> Path | None:
    """A note of an upload, which goes with it."""
    if notes is None:
        return None
    note = notes / upload["UploadId"].replace("/", "_")[:200]
    note.write_text(json.dumps(upload))
    return note


def _forget(note: Path | None) -> None:
    if note is not None:
        note.unlink(missing_ok=True)


async def abort_noted(call: Call, notes: Path) -> None:
    """Abort the uploads whose notes are still there: those of processes that were killed."""
    for note in sorted(notes.iterdir()):
        await _abort(call, json.loads(note.read_text()))
        _forget(note)
