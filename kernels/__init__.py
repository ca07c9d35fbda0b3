"""Arrays in, arrays out: the compiled arithmetic. No files, no classes but named tuples, no random state.

Each file or folder calls some of those below it, no other:

gnet             frames of Eq. (12), the generator network G_net
meshes           tetrahedra on the boundaries of grains
texture          quantiles of the normal law, cosines and sines
windows          nearest seeds in many small windows
soft             soft tessellations and their gradients
crumbs           grains made connected
runs             label volumes as runs along x
lattice          values on a lattice between its points
soft_pruning     grains that matter in a leaf of pixels
cell_neighbours  nearest seeds of seeds that were drawn cell by cell
neighbours       nearest seeds of any seeds
displacement     seeds moved away from each other, functions of the distance from the centre
shells           random shells, their radii and what lies inside
philox           random numbers of a counter
moments          volumes, moments, parts and contacts of labels
gbpd             exact labels, Eq. (8)
vectors          registers, rounding, elementary functions
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
