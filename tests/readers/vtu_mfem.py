"""What MFEM finds in the mesh of a particle: python vtu_mfem.py LIBRARY INDEX"""

import sys
from pathlib import Path

from measures.arrays import say
from measures.mesh_mfem import measured, version

(path,) = Path(sys.argv[1]).glob(f"shards/*/{int(sys.argv[2]):06d}.vtu")
found, _ = measured(str(path))
say(version, "attribute = label", **found)
