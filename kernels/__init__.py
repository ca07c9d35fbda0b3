"""Arrays in, arrays out: the compiled arithmetic. No files, no classes, no random state."""

from numba import config as _config

from nmcfast.kernels._cache import cache_folder

_folder = cache_folder()
_previous = _config.CACHE_DIR  # type: ignore[attr-defined]
_config.CACHE_DIR = str(_folder)  # type: ignore[attr-defined]
try:  # a kernel's cache folder is fixed where it is decorated, that is: here
    from nmcfast.kernels import (  # isort: skip
        boxes, gbpd, gnet, halo, harmonics, lattice, moments, neighbours, philox, runs, shells, soft, windows,
    )  # fmt: skip
    from nmcfast.kernels.labels import label_grid, label_points
finally:
    _config.CACHE_DIR = _previous  # type: ignore[attr-defined]

__all__ = [
    "boxes",
    "compiled",
    "gbpd",
    "gnet",
    "halo",
    "harmonics",
    "label_grid",
    "label_points",
    "lattice",
    "moments",
    "neighbours",
    "philox",
    "runs",
    "shells",
    "soft",
    "windows",
]


def compiled() -> bool:
    """Whether particles were labelled before, so that kernels are only loaded, or are not to be compiled at all."""
    if _config.DISABLE_JIT or boxes.label_boxes_serial.signatures:  # type: ignore[attr-defined]
        return True
    return any(_folder.rglob("boxes.label_boxes_serial*.nbc"))
