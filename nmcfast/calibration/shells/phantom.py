"""Synthetic CT volumes of shells with known coefficients, to test what section 2.1 gives back."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nmcfast.errors import InputError
from nmcfast.shells.shell import Shell

MARGIN = 5  # voxels of pore at the border, so that blur carries no shell across it
TRIES = 3000  # positions tried for a shell before the volume counts as full


@dataclass(frozen=True)
class Phantom:
    """A synthetic CT volume: grey (nz, ny, nx) float32, label of the true shells in their order, plus 1."""

    grey: np.ndarray
    label: np.ndarray


def make_phantom(
    shells: list[Shell],
    shape: tuple[int, int, int],
    voxel_um: float,
    *,
    blur: float = 1.0,
    noise: float = 0.2,
    seed: int = 0,
) -> Phantom:
    """Grey values of whole shells at random places of a CT volume, often in touch, never overlapping.

    shape (nz, ny, nx); solid is 1, pore 0; blur: Gaussian of the instrument, voxels; noise: deviation of the
    grey values. The largest is placed first. Raises InputError when a shell finds no room in 3,000 tries.
    """
    rng = np.random.default_rng(seed)
    label = np.zeros(shape, dtype=np.int32)
    bodies = [voxelize_shell(shell, voxel_um, rng.uniform(-0.5, 0.5, 3)) for shell in shells]
    for place in sorted(range(len(bodies)), key=lambda i: -int(bodies[i].sum())):
        _place(label, bodies[place], place + 1, rng)
    grey = ndimage.gaussian_filter((label > 0).astype(np.float32), blur)
    return Phantom(grey + rng.normal(0.0, noise, shape).astype(np.float32), label)


def voxelize_shell(shell: Shell, voxel_um: float, shift: np.ndarray) -> np.ndarray:
    """Voxels whose centres lie in a shell, Eq. (7) -> (nz, ny, nx) bool, its tight box.

    shift (3,) x, y, z: where the centre of the shell lies relative to a voxel centre, in voxels.
    """
    reach = int(np.ceil(np.abs(shell.bounds()).max() / voxel_um)) + 1
    steps = np.arange(-reach, reach + 1)
    z, y, x = np.meshgrid(steps - shift[2], steps - shift[1], steps - shift[0], indexing="ij")
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3) * voxel_um
    body = shell.contains(points).reshape(z.shape)
    return body[ndimage.find_objects(body.astype(np.uint8))[0]]


def _place(label: np.ndarray, body: np.ndarray, number: int, rng: np.random.Generator) -> None:
    room = np.array(label.shape) - body.shape - MARGIN
    for _ in range(TRIES if (room > 0).all() else 0):
        box = tuple(
            slice(start, start + size) for start, size in zip(rng.integers(MARGIN, room + 1), body.shape, strict=True)
        )
        if not label[box][body].any():
            label[box][body] = number
            return
    size = f"shell {number - 1} of {body.sum()} voxels"
    raise InputError(f"phantom: found no room for {size} in {label.shape}; enlarge the volume")
