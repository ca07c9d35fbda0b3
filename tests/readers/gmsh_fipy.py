"""What FiPy finds in particle_v2.msh, and solves on it by finite volumes: python gmsh_fipy.py FOLDER"""

import sys

sys.argv, folder = sys.argv[:1], sys.argv[1]  # FiPy reads the command line itself

import fipy  # noqa: E402
import numpy as np  # noqa: E402
from measures.arrays import say  # noqa: E402

mesh = fipy.Gmsh3D(f"{folder}/particle_v2.msh")
volume = np.asarray(mesh.cellVolumes)
grains = {
    int(name[6:]): float(volume[np.asarray(inside)].sum())
    for name, inside in mesh.physicalCells.items()
    if name.startswith("grain_")
}
outer = np.asarray(mesh.physicalFaces["surface"])
assert np.array_equal(outer, np.asarray(mesh.exteriorFaces)), "the tagged faces are not the surface"
area, normal, middle = (np.asarray(v)[..., outer] for v in (mesh._faceAreas, mesh.faceNormals, mesh.faceCenters))
u = fipy.CellVariable(mesh=mesh, value=0.0)
u.constrain(0.0, where=mesh.physicalFaces["surface"])
(fipy.DiffusionTerm(coeff=1.0) + 1.0).solve(var=u, solver=fipy.LinearLUSolver(tolerance=1e-14))
say(
    f"FiPy {fipy.__version__}",
    "grain_i, surface",
    grains=grains,
    surface=float(area.sum()),
    poisson_by_volumes=float((u.value * volume).sum()),
    enclosed=float((area * (normal * middle).sum(axis=0)).sum() / 3),
)
