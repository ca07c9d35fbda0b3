"""labels.c, our label algorithm by hand in C, called on the same tables as the kernel."""

import ctypes
import subprocess
import sys
from pathlib import Path

import numpy as np
from cases import Case
from compiled import program

from nmcfast.kernels.gbpd.labels import tables

_ARGUMENTS = [ctypes.c_void_p, *[ctypes.c_long] * 4, *[ctypes.c_void_p] * 7, ctypes.c_int, ctypes.c_void_p]


class Yardstick:
    """The C kernel on a case: one thread, int32 labels in memory of its own."""

    def __init__(self, folder: Path, case: Case) -> None:
        self.case, self.out = case, np.zeros((case.size,) * 3, np.int32)
        self._function = ctypes.CDLL(str(program("labels.c", folder, shared=True))).label_volume
        self._function.argtypes, self._function.restype = _ARGUMENTS, None

    def run(self) -> np.ndarray:
        """Labels of the box, tables of the seeds included; boxes, candidates, evaluations, close voxels."""
        case, counts = self.case, np.zeros(4, np.int64)
        seeds = tables(case.position, case.matrices, case.offset, case.origin, 1.0, case.norm == "squared")
        given = [array.ctypes.data for array in seeds[:-1]]
        self._function(
            self.out.ctypes.data, *self.out.shape, case.offset.size, *given, seeds.squared, counts.ctypes.data
        )
        return counts


def available() -> bool:
    """Whether this processor runs it: it is written for AVX2."""
    asked = ["gcc", "-march=native", "-dM", "-E", "-x", "c", "/dev/null"]
    said = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout
    if "__AVX2__" not in said:
        print("labels.c needs AVX2, which this processor does not have: no yardstick", file=sys.stderr)
        return False
    return True
