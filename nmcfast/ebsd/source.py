"""Bytes of a text export, out of gzip and UTF-16, with lines that end in a line feed, in bounded memory."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nmcfast.errors import InputError

BLOCK_BYTES = 1 << 20
MOST_EXPANSION = 100  # times its size that a gzip file may grow; text exports grow 3 to 10 times
FREE_BYTES = 64 << 20  # that may always be expanded
_PACKED = {b"PK\x03\x04": "a zip archive", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "a 7z archive"}


class Source:
    """A text file as chunks and lines; what was read can be pushed back."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self) -> bytes:
        """The next chunk, empty at the end of the file."""
        if self._rest:
            found, self._rest = self._rest, b""
            return found
        return next((chunk for chunk in self._chunks if chunk), b"")

    def readline(self, most: int) -> bytes:
        """The next line with its line feed, empty at the end; at most `most` bytes of it."""
        found = self.read()
        while b"\n" not in found and len(found) < most and (more := self.read()):
            found += more
        end = min(found.find(b"\n") + 1 or len(found), most)
        self._rest = found[end:]
        return found[:end]

    def push_back(self, data: bytes) -> None:
        self._rest = data + self._rest


def open_source(stream: BinaryIO, path: Path) -> Source:
    """Text of a file, unpacked and decoded; InputError for an archive that is not gzip or that grows too far."""
    raw: Iterator[bytes] = iter(lambda: stream.read(BLOCK_BYTES), b"")
    start = stream.read(8)
    stream.seek(0)
    for magic, name in _PACKED.items():
        if start.startswith(magic):
            raise InputError(f"{path}: is {name}; unpack it (gzip is read as it is)")
    if start.startswith(b"\x1f\x8b"):
        raw = _gunzipped(stream, path)
    return Source(_plain(raw))


def _gunzipped(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    allowed = max(FREE_BYTES, MOST_EXPANSION * path.stat().st_size)
    with gzip.open(stream) as file:
        grown = 0
        while True:
            try:
                block = file.read(BLOCK_BYTES)
            except (EOFError, OSError, zlib.error) as error:
                raise InputError(f"{path}: damaged or cut gzip file ({error}); unpack what there is by hand") from None
            grown += len(block)
            if grown > allowed:
                raise InputError(
                    f"{path}: grows beyond {allowed:,} bytes when unpacked; unpack it by hand if it is sound"
                )
            if not block:
                return
            yield block


def _plain(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks in an encoding without zero bytes, without a byte order mark, each line ended by a line feed."""
    first = next(blocks, b"")
    decoder = _decoder(first)
    first = first.removeprefix(codecs.BOM_UTF8)
    held = b""
    for block in _chained(first, blocks):
        text = held + (decoder.decode(block).encode("utf-8") if decoder else block)
        held = text[len(text.rstrip(b"\r")) :]  # the line feed may follow in the next block
        yield _line_feeds(text[: len(text) - len(held)])
    yield b"\n" if held else b""


def _chained(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


def _line_feeds(text: bytes) -> bytes:
    return re.sub(rb"\r+\n|\r", b"\n", text) if b"\r" in text else text


def _decoder(start: bytes) -> codecs.IncrementalDecoder | None:
    """That of UTF-16 by its byte order mark or, without one, by the zero bytes of its first letters."""
    name = ""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        name = "utf-16"
    elif len(start) > 16 and start[1:16:2] == b"\0" * 8 and b"\0" not in start[0:16:2]:
        name = "utf-16-le"
    elif len(start) > 16 and start[0:16:2] == b"\0" * 8 and b"\0" not in start[1:16:2]:
        name = "utf-16-be"
    return codecs.getincrementaldecoder(name)("replace") if name else None
