"""Virtual NMC811 cathode particles with grain architecture (Fuchs et al., 2025), generated in bulk.

Importing this package loads neither numba nor zarr nor torch: names are resolved on first use.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "load_model": "nmcfast.model",
    "list_models": "nmcfast.model",
    "generate_particle": "nmcfast.generate",
    "generate_library": "nmcfast.bulk",
    "open_library": "nmcfast.library.open",
    "export_library": "nmcfast.library.convert",
    "release_library": "nmcfast.release.release",
    "reproduce_library": "nmcfast.library.reproduce",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nmcfast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
