"""One Zarr v3 array in one `sharding_indexed` file: written as a stream, read by parts.

    file  = chunk chunk … index crc32c     chunk = zstd(little-endian bytes) crc32c
    index = (offset, bytes) of every chunk of the grid, C order, u8; all ones: not stored, all zeros

Why not zarr-python: it takes 7.5 ms to write and 2 ms to read an array of 100 rows, gives zeros for a missing
file and never flushes to the disk. It is the oracle of the tests: it must read, and write, the same bytes.
"""

import os
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, Protocol

import google_crc32c
import numpy as np
from numcodecs.zstd import Zstd

from nmcfast.errors import DamageError
from nmcfast.export.files import is_regular

CHUNK_BYTES = 2**16  # of whole rows of a table: one particle is read without the others of its shard
_MISSING = np.uint64(2**64 - 1)
_CRC = 4
_zstd = Zstd(level=1, checksum=False)

Shape = tuple[int, ...]


class Sink(Protocol):
    """Where chunks go: a file that knows how many bytes it holds."""

    size: int

    def write(self, data: bytes) -> None: ...


def table_chunk(shape: Shape, itemsize: int) -> Shape:
    """Chunk of a table of this shape: whole rows, about CHUNK_BYTES, and never more rows than there are."""
    rows = CHUNK_BYTES // (prod(shape[1:]) * itemsize)
    return (max(1, min(rows, shape[0])), *shape[1:])


def grid_of(shape: Shape, chunk: Shape) -> Shape:
    """Number of chunks along each axis, at least one."""
    return tuple(max(1, -(-n // c)) for n, c in zip(shape, chunk, strict=True))


def encode(chunk: np.ndarray) -> bytes:
    data = bytes(_zstd.encode(np.ascontiguousarray(chunk, chunk.dtype.newbyteorder("<"))))
    return data + google_crc32c.value(data).to_bytes(_CRC, "little")


def decode(data: bytes, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """The chunk of this shape and dtype; ValueError when the bytes are anything else."""
    if len(data) < _CRC + 5 or google_crc32c.value(data[:-_CRC]) != int.from_bytes(data[-_CRC:], "little"):
        raise ValueError("its checksum is wrong")
    out = np.empty(shape, dtype)
    if (held := _content_size(data)) != out.nbytes:  # numcodecs would leave the rest of a short chunk unset
        raise ValueError(f"it holds {held} bytes, expected {out.nbytes}")
    try:
        _zstd.decode(data[:-_CRC], out)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"it does not decompress ({error})") from error
    return out


def _content_size(frame: bytes) -> int:
    """Bytes that a zstd frame says it decompresses to (RFC 8878, 3.1.1.1); 0 when it does not say."""
    flag, single = frame[4] >> 6, frame[4] >> 5 & 1
    start = 5 + (not single) + (0, 1, 2, 4)[frame[4] & 3]
    width = (single, 2, 4, 8)[flag]
    return int.from_bytes(frame[start : start + width], "little") + 256 * (flag == 1)


def write_block(sink: Sink, block: np.ndarray, chunk: Shape, *, skip_zeros: bool = False) -> np.ndarray:
    """Append the chunks of a block in C order, edges padded with 0; their index (*grid, 2) u8."""
    index = np.full((*grid_of(block.shape, chunk), 2), _MISSING, "<u8")
    padded = np.zeros(chunk, block.dtype)
    for cell in np.ndindex(index.shape[:-1]):
        part = block[tuple(slice(i * c, (i + 1) * c) for i, c in zip(cell, chunk, strict=True))]
        if skip_zeros and not part.any():
            continue
        if part.shape != chunk:
            padded[...] = 0
        padded[tuple(map(slice, part.shape))] = part
        data = encode(padded)
        index[cell] = sink.size, len(data)
        sink.write(data)
    return index


def write_index(sink: Sink, index: np.ndarray) -> None:
    data = index.astype("<u8").tobytes()
    sink.write(data + google_crc32c.value(data).to_bytes(_CRC, "little"))


def stack_index(indices: list[np.ndarray]) -> np.ndarray:
    """Index of an array whose first axis joins blocks of different extent, padded with missing chunks."""
    grid = tuple(np.max([i.shape[:-1] for i in indices], axis=0))
    stacked = np.full((len(indices), *grid, 2), _MISSING, "<u8")
    for row, index in zip(stacked, indices, strict=True):
        row[tuple(map(slice, index.shape[:-1]))] = index
    return stacked


def array_document(
    shape: Shape, chunk: Shape, dtype: np.dtype, dims: Shape | tuple[str, ...], attributes: dict[str, Any]
) -> dict[str, Any]:
    """The zarr.json of an array that is one shard."""
    whole = [n * c for n, c in zip(grid_of(shape, chunk), chunk, strict=True)]
    little = {"name": "bytes", "configuration": {"endian": "little"}}
    zstd = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
    codec = {
        "chunk_shape": list(chunk),
        "codecs": [little if dtype.itemsize > 1 else {"name": "bytes"}, zstd, {"name": "crc32c"}],
        "index_codecs": [little, {"name": "crc32c"}],
        "index_location": "end",
    }
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": whole}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0 if dtype.kind == "u" else 0.0,
        "codecs": [{"name": "sharding_indexed", "configuration": codec}],
        "attributes": attributes,
        "storage_transformers": [],
        "dimension_names": list(dims),
    }


def data_path(name: str, ndim: int) -> str:
    """The one data file of an array."""
    return f"{name}/c" + "/0" * ndim


class ShardedArray:
    """An array on the disk; reads what is asked for and no other chunk. DamageError names file and chunk."""

    def __init__(self, path: Path, shape: Shape, chunk: Shape, dtype: np.dtype) -> None:
        self.path, self.shape, self.chunk, self.dtype = path, shape, chunk, dtype
        self._index = self._read_index()

    def _read_index(self) -> np.ndarray:
        grid = grid_of(self.shape, self.chunk)
        size = 16 * prod(grid) + _CRC
        try:
            if self.path.exists() and not is_regular(self.path):
                raise DamageError(f"{self.path}: not a regular file")
            self._end = self.path.stat().st_size - size
            data = self._read(self._end, size) if self._end >= 0 else b""
        except OSError as error:
            raise DamageError(f"{self.path}: cannot be read ({error.strerror})") from error
        if google_crc32c.value(data[:-_CRC]) != int.from_bytes(data[-_CRC:], "little") or len(data) != size:
            raise DamageError(f"{self.path}: the index of its chunks is damaged or cut off")
        return np.frombuffer(data[:-_CRC], "<u8").reshape(*grid, 2)

    def _read(self, offset: int, size: int) -> bytes:
        with open(self.path, "rb", buffering=0) as file:
            return os.pread(file.fileno(), size, offset)

    def read(self, *bounds: tuple[int, int]) -> np.ndarray:
        """The part from start to stop along the first axes, everything along the others."""
        box = [*bounds, *((0, n) for n in self.shape[len(bounds) :])]
        out = np.zeros([max(0, stop - start) for start, stop in box], self.dtype)
        cells = [range(a // c, -(-b // c)) for (a, b), c in zip(box, self.chunk, strict=True)]
        for cell in np.ndindex(*map(len, cells)):
            at = tuple(r[i] for r, i in zip(cells, cell, strict=True))
            chunk = self._chunk(at)
            if chunk is None:
                continue
            low = [max(i * c, a) for i, c, (a, _) in zip(at, self.chunk, box, strict=True)]
            high = [min((i + 1) * c, b) for i, c, (_, b) in zip(at, self.chunk, box, strict=True)]
            target = tuple(slice(lo - a, hi - a) for lo, hi, (a, _) in zip(low, high, box, strict=True))
            source = tuple(
                slice(lo - i * c, hi - i * c) for lo, hi, i, c in zip(low, high, at, self.chunk, strict=True)
            )
            out[target] = chunk[source]
        return out

    def blocks(self, row: int) -> Iterator[tuple[Shape, np.ndarray]]:
        """The chunks stored of a row, where chunks hold one, with their lower corners along the other axes."""
        for cell in np.ndindex(self._index.shape[1:-1]):
            if (chunk := self._chunk((row, *cell))) is not None:
                yield tuple(i * c for i, c in zip(cell, self.chunk[1:], strict=True)), chunk[0]

    def _chunk(self, cell: Shape) -> np.ndarray | None:
        offset, size = (int(n) for n in self._index[cell])
        if offset == size == int(_MISSING):
            return None
        if size < _CRC or offset + size > self._end:
            raise DamageError(f"{self.path}: chunk {cell} lies outside the file")
        try:
            return decode(self._read(offset, size), self.chunk, self.dtype)
        except ValueError as error:
            raise DamageError(f"{self.path}: chunk {cell} is damaged: {error}") from error
