"""Labels of grains on a voxel grid and at points, Eq. (8): checks, tables and the choice of the kernel of `gbpd`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import get_num_threads

from nmcfast.errors import InputError
from nmcfast.kernels.gbpd import volumes
from nmcfast.kernels.gbpd.layout import Names, Tables
from nmcfast.kernels.gbpd.marks import part_count

NORMS = ("unsquared", "squared")
EVERYWHERE = np.empty((0, 0, 0), np.bool_)  # no choice of blocks
_ASYMMETRY = 1e-14  # of the trace: what rounding leaves of QᵀDQ, and less than the kernel's margin covers
_FARTHEST = 1e18  # largest |A| |x − s|: its square stays finite in float32
_WIDEST = 1e30  # largest difference of offsets: far from the end of float32
_FINEST = 2.0**33  # largest coordinate in voxels: float64 still resolves 1e-6 of a voxel there


def label_grid(
    position: Any,
    matrices: Any,
    offset: Any,
    shape: Sequence[int],
    origin: Sequence[float],
    voxel_size: float,
    norm: str = "unsquared",
    dtype: Any = np.int32,
) -> np.ndarray:
    """Index of the grain that holds each voxel centre, Eq. (8).

    position (n, 3) µm, matrices (n, 3, 3) µm⁻² symmetric positive semi-definite, offset (n,); shape (nz, ny, nx),
    voxel centres at origin (x, y, z) + (k + 0.5) voxel_size µm -> (nz, ny, nx) of an integer dtype that holds n − 1.
    norm "unsquared" takes |x − s|_M − r as printed, "squared" |x − s|²_M − r. Ties go to the lower index.
    Raises InputError, a ValueError, for no seeds and for whatever is not as said here.
    """
    position, matrices, offset = check_seeds(position, matrices, offset)
    shape, corner = _checked_grid(shape, origin, voxel_size)
    if not np.issubdtype(dtype, np.integer) or np.iinfo(dtype).max < offset.size - 1:
        raise InputError(f"dtype {np.dtype(dtype)} cannot hold the index {offset.size - 1}: use int32")
    squared = _is_squared(norm)
    seeds = tables(position, matrices, offset, corner, voxel_size, squared)
    _check_reach(seeds, shape)
    out, everyone = np.empty(shape, dtype), np.ones(offset.size, np.uint8)
    names = Names(np.arange(offset.size + 1).astype(dtype), everyone)
    label_volume(out, names, seeds, EVERYWHERE, min(get_num_threads(), part_count(shape)))
    return out


def label_volume(out: np.ndarray, names: Names, seeds: Tables, blocks: np.ndarray, workers: int) -> np.ndarray:
    """Labels of a volume as `volumes.label_volume_serial` writes them, by one worker or several; the counts."""
    kernel = volumes.label_volume_parallel if workers > 1 else volumes.label_volume_serial
    return kernel(out, names, seeds, blocks, workers)


def label_points(position: Any, matrices: Any, offset: Any, points: Any, norm: str = "unsquared") -> np.ndarray:
    """Index of the grain that holds each point, Eq. (8).

    position (n, 3) µm, matrices (n, 3, 3) µm⁻² symmetric positive semi-definite, offset (n,), points (p, 3) µm ->
    (p,) int32, by float64 brute force on all threads: n · p evaluations. Ties go to the lower index.
    Raises InputError as `label_grid` does.
    """
    position, matrices, offset = check_seeds(position, matrices, offset)
    points = np.ascontiguousarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise InputError(f"points: expected finite (p, 3), got {_described(points)}")
    out = np.empty(len(points), np.int32)
    volumes.label_points_parallel(out, points, position, matrices, offset, _is_squared(norm))
    return out


def check_seeds(position: Any, matrices: Any, offset: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three arrays as C-contiguous float64, Eq. (8); InputError when shapes, values or symmetry are wrong."""
    position = np.ascontiguousarray(position, np.float64)
    matrices = np.ascontiguousarray(matrices, np.float64)
    offset = np.ascontiguousarray(offset, np.float64)
    n = offset.size
    if n == 0:
        raise InputError("offset: no seeds; Eq. (8) needs at least one")
    for name, array, expected in (
        ("position", position, (n, 3)),
        ("matrices", matrices, (n, 3, 3)),
        ("offset", offset, (n,)),
    ):
        if array.shape != expected or not np.isfinite(array).all():
            raise InputError(f"{name}: expected finite {expected}, got {_described(array)}")
    _check_matrices(matrices)
    return position, matrices, offset


def _check_matrices(matrices: np.ndarray) -> None:
    trace = np.trace(matrices, axis1=1, axis2=2)
    skew = np.abs(matrices - matrices.transpose(0, 2, 1)).max((1, 2))
    i = int(np.argmax(skew - _ASYMMETRY * np.abs(trace)))
    if skew[i] > _ASYMMETRY * abs(trace[i]):
        raise InputError(f"matrices[{i}] is not symmetric (by {skew[i]:.3g}): use (M + M.T) / 2")
    i = volumes.first_indefinite(matrices)
    if i >= 0:
        lowest = np.linalg.eigvalsh(matrices[i])[0]
        raise InputError(f"matrices[{i}] has a negative eigenvalue {lowest:.3g}: M must be positive semi-definite")


def tables(
    position: np.ndarray, matrices: np.ndarray, offset: np.ndarray, origin: Any, voxel_size: float, squared: bool
) -> Tables:
    """The seeds of Eq. (8), at least one, in voxels from an origin and as they are given."""
    place = np.ascontiguousarray(((position - np.asarray(origin)) / voxel_size).T)
    factor = np.empty((6, offset.size), np.float32)
    volumes.factors(matrices, voxel_size, factor)
    frame = np.array([*origin, voxel_size], np.float64)
    return Tables(place, factor, offset - offset.max(), position, matrices, offset, frame, squared)


def _checked_grid(
    shape: Sequence[int], origin: Sequence[float], voxel_size: float
) -> tuple[tuple[int, ...], np.ndarray]:
    if len(shape) != 3 or any(int(k) != k or k < 1 for k in shape):
        raise InputError(f"shape: expected three numbers of voxels (nz, ny, nx) ≥ 1, got {tuple(shape)}")
    if not (np.isfinite(voxel_size) and voxel_size > 0):
        raise InputError(f"voxel_size: expected a length > 0 µm, got {voxel_size}")
    corner = np.asarray(origin, np.float64)
    if corner.shape != (3,) or not np.isfinite(corner).all():
        raise InputError(f"origin: expected finite (x, y, z) µm, got {origin}")
    if (np.abs(corner) / voxel_size + max(shape)).max() > _FINEST:
        raise InputError(f"origin: {corner.tolist()} µm lies too many voxels of {voxel_size} µm away: shift all by it")
    return tuple(int(k) for k in shape), corner


def _check_reach(seeds: Tables, shape: tuple[int, ...]) -> None:
    scale = np.sqrt((seeds.factor.astype(np.float64) ** 2).sum(0))
    reach, shift = scale * (np.abs(seeds.place).sum(0) + sum(shape)), seeds.shift
    i = int(np.argmax(reach))
    if not -shift.min() < _WIDEST:
        raise InputError(f"offset: spans {-shift.min():.3g}, more than {_WIDEST:g}: drop seeds that cannot win")
    if not reach[i] < _FARTHEST:
        raise InputError(f"seed {i} lies {reach[i]:.3g} away from the grid in its own metric: drop it or rescale M")


def _is_squared(norm: str) -> bool:
    if norm not in NORMS:
        raise InputError(f"norm: expected one of {', '.join(NORMS)}, got {norm!r}")
    return norm == "squared"


def _described(array: np.ndarray) -> str:
    faults = array.size - int(np.isfinite(array).sum())
    return f"{array.shape} with {faults} values that are not finite" if faults else f"{array.shape}"
