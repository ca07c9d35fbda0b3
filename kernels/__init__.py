"""Arrays in, arrays out: the compiled arithmetic. No files, no classes, no random state."""

from numba import config as _config

from nmcfast.kernels._cache import cache_folder

_previous, _config.CACHE_DIR = _config.CACHE_DIR, str(cache_folder())
try:
    pass
finally:
    _config.CACHE_DIR = _previous
