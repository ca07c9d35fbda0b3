"""Arrays in, arrays out: the compiled arithmetic. No files, no classes, no random state.

gbpd/       exact labels, Eq. (8)          vectors/    registers, rounding, elementary functions
philox, words of random numbers ─> shells, neighbours ─> gnet;   harmonics, lattice, moments, runs, soft, windows
"""

from importlib import import_module as _import_module
from pkgutil import walk_packages as _walk_packages

from numba import config as _config

from nmcfast.kernels._cache import cache_folder

_folder = cache_folder()
_previous = _config.CACHE_DIR  # type: ignore[attr-defined]
_config.CACHE_DIR = str(_folder)  # type: ignore[attr-defined]
try:  # a kernel's cache folder is fixed where it is decorated: in every module, that is, here
    for _module in _walk_packages(__path__, f"{__name__}."):
        _import_module(_module.name)
    from nmcfast.kernels.gbpd import boxes as _boxes
    from nmcfast.kernels.gbpd.labels import label_grid, label_points
finally:
    _config.CACHE_DIR = _previous  # type: ignore[attr-defined]

__all__ = ["compiled", "label_grid", "label_points"]


def compiled() -> bool:
    """Whether particles were labelled before, so that kernels are only loaded, or are not to be compiled at all."""
    if _config.DISABLE_JIT or _boxes.label_boxes_serial.signatures:  # type: ignore[attr-defined]
        return True
    return any(_folder.rglob("boxes.label_boxes_serial*.nbc"))
