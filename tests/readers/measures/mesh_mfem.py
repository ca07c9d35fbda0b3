"""Measuring a mesh with MFEM, for the readers of two formats."""

from collections import defaultdict
from importlib.metadata import version as version_of

import mfem.ser as mfem

version = f"MFEM {version_of('mfem')}"


class Place(mfem.VectorPyCoefficient):
    def EvalValue(self, x):
        return x


def measured(path):
    """Volumes by attribute, surface and enclosed volume of a mesh, and its boundary attributes."""
    mesh = mfem.Mesh(path)
    grains = defaultdict(float)
    for k in range(mesh.GetNE()):
        grains[mesh.GetAttribute(k)] += mesh.GetElementVolume(k)
    space = mfem.FiniteElementSpace(mesh, mfem.H1_FECollection(1, 3))

    def total(integrator):
        form = mfem.LinearForm(space)
        form.AddBoundaryIntegrator(integrator)
        form.Assemble()
        return form.Sum()

    one, place = mfem.ConstantCoefficient(1.0), Place(3)
    surface, flow = total(mfem.BoundaryLFIntegrator(one)), total(mfem.BoundaryNormalLFIntegrator(place))
    return {"grains": grains, "surface": surface, "enclosed": flow / 3}, list(mesh.bdr_attributes.ToList())


def poisson(path):
    """∫u of −∇²u = 1 with u = 0 on the whole boundary, trilinear."""
    mesh = mfem.Mesh(path)
    space = mfem.FiniteElementSpace(mesh, mfem.H1_FECollection(1, 3))
    held = mfem.intArray()
    space.GetBoundaryTrueDofs(held)
    form, load, u = mfem.BilinearForm(space), mfem.LinearForm(space), mfem.GridFunction(space)
    one = mfem.ConstantCoefficient(1.0)
    form.AddDomainIntegrator(mfem.DiffusionIntegrator(one))
    load.AddDomainIntegrator(mfem.DomainLFIntegrator(one))
    form.Assemble()
    load.Assemble()
    u.Assign(0.0)
    matrix, right, inner = mfem.OperatorPtr(), mfem.Vector(), mfem.Vector()
    form.FormLinearSystem(held, u, load, matrix, inner, right)
    matrix = mfem.OperatorHandle2SparseMatrix(matrix)
    mfem.PCG(matrix, mfem.GSSmoother(matrix), right, inner, 0, 2000, 1e-26, 0.0)
    form.RecoverFEMSolution(inner, load, u)
    return load * u
