"""Where the numbers of a descent lie, and what its functions hand each other.

A candidate is a record of 16 float32 in c, known by where it begins. A list of candidates is a run of such places in
the int32 array `lists`, with one place behind its last that may be read: that of the dummy, which wins nowhere.
"""

from typing import Any, NamedTuple

import numpy as np

from nmcfast.kernels._cache import helper, kernel
from nmcfast.kernels.vectors.memory import put_bits

TILE = 256  # voxels of an edge of the box that shares one origin of coordinates
BLOCK_EDGE = 8  # of the boxes that are asked for or not
LEAF = 4  # of the boxes whose voxels are evaluated, the smallest that a descent comes to
X, Y, Z, A00, A01, A02, A11, A12, A22, R, ERROR, SEED, NAME, WANTED, KNOWN = range(15)
RECORD = 16  # float32 of a candidate
PAIR = 64  # float32 of the tangents of two candidates: values at the centres, rises over the half widths
# scratch, 16 float32 each: signs of the corners; steps of the 16 voxels of a plane; centres, half widths and caps of
# the children; the pairs that hold their picks; values of the picks at the eight corners; the picks, X to ERROR
SX, SY, SZ, STEP_X, STEP_Y, CX, CY, CZ, WX, WY, WZ, CAP, WHO, CORNERS = range(0, 14 * 16, 16)
PICKED = CORNERS + 8 * 16
FIELDS = ERROR + 1
_SCRATCH = PICKED + FIELDS * 16
FAR, INF = np.float32(-3e38), np.float32(np.inf)


class Work(NamedTuple):
    """Addresses (`lanes.raw`) of the arrays of `descent.Memory`: numba counts references to arrays, not to these."""

    c: Any  # float32, the candidates
    lists: Any  # int32
    tangents: Any  # float32, PAIR for two candidates of a list
    scratch: Any  # float32
    picks: Any  # (16,) int32: the candidates with the lowest tangents at the centres of the children, two each
    ends: Any  # (8,) int64: where the lists of the children end
    flags: Any  # uint64, a byte a candidate: the children whose list it is in


class Tile(NamedTuple):
    """A part of a volume with one origin of coordinates: first and last voxel, z y x, and middle."""

    low: Any
    high: Any
    middle: Any


class Scene(NamedTuple):
    """What a descent goes by. inset 1: boxes reach from the first voxel centre to the last, 0: from face to face."""

    tile: Tile
    edge: int  # voxels of the cells of `ceilings`
    squared: bool  # the norm of Eq. (8)
    inset: int


class Box(NamedTuple):
    """A box of voxels from `first` to `last` (z, y, x), of edge `size` unless the volume ends before, and its list."""

    first: Any
    last: Any
    size: int
    start: int  # of its list
    length: int  # of its list: how many candidates there are
    end: int  # from where on other lists can follow


class Tables(NamedTuple):
    """Seeds of Eq. (8), n of them, in voxels of a volume and as they were given."""

    place: np.ndarray  # (3, n) voxels
    factor: np.ndarray  # (6, n) float32, see `seeds.factors`
    shift: np.ndarray  # (n,), offsets less their maximum
    position: np.ndarray  # (n, 3) µm
    matrices: np.ndarray  # (n, 3, 3) µm⁻²
    offset: np.ndarray  # (n,)
    frame: np.ndarray  # (4,) origin x, y, z and voxel size, µm
    squared: bool  # the norm


class Names(NamedTuple):
    """What is written: lut (n + 1,), the label of each seed and, last, of boxes that none of the relevant can reach."""

    lut: np.ndarray  # labels below 2³¹, of the type of the volume
    relevant: np.ndarray  # (n,) uint8


class Part(NamedTuple):
    """The candidates of the boxes of one tile of a volume, see `boxes`."""

    low: np.ndarray  # (3,) the tile's first voxel, z y x
    caps: np.ndarray  # of `ceilings`
    edge: int  # voxels of their cells
    boxes: np.ndarray  # (b, 6) int64: first voxel z, y, x, size, where the list begins in `lists`, how long it is
    lists: np.ndarray  # int32


@helper
def floats(size):
    """float32 (size,) at a multiple of 64 bytes: lanes and records that lie across two lines take twice as long."""
    a = np.empty(size + 15, np.float32)
    skip = -(np.int64(a.ctypes.data) // 4) % 16
    return a[skip : skip + size]


@helper
def scratch_for():
    """Scratch of a descent, constants filled in: float32."""
    scratch = floats(_SCRATCH)
    for k in range(_SCRATCH):
        scratch[k] = np.float32(0.0)
    for k in range(16):
        scratch[SX + k] = (k & 1) * 2 - 1
        scratch[SY + k] = (k >> 1 & 1) * 2 - 1
        scratch[SZ + k] = (k >> 2 & 1) * 2 - 1
        scratch[STEP_X + k] = k % 4
        scratch[STEP_Y + k] = k // 4
    return scratch


@kernel
def records_of(factor, shift):
    """The records of all n seeds from 0 on and of the dummy, but for their place: factor (6, n), shift (n,)."""
    n = shift.size
    c = floats((n + 1) * RECORD)
    for i in range(n):
        o = i * RECORD
        for row in range(6):
            c[o + A00 + row] = factor[row, i]
        c[o + R] = shift[i]
        put_bits(c, o + SEED, i)
    for o in range(n * RECORD, (n + 1) * RECORD):
        c[o] = np.float32(0.0)
    c[n * RECORD + R] = FAR
    return c


@helper
def seed_count(c):
    """How many seeds there are records of."""
    return c.size // RECORD - 1


@helper
def ask_for(c, relevant):
    """Want the seeds of relevant (n,) alone."""
    for i in range(relevant.size):
        put_bits(c, i * RECORD + WANTED, 255 if relevant[i] else 0)


@helper
def set_names(c, lut):
    """Name the n seeds by lut (n + 1,)."""
    for i in range(lut.size - 1):
        put_bits(c, i * RECORD + NAME, lut[i])
