"""Fields on meshes of tetrahedra: patch tests, and convergence beside voxels, by scikit-fem.

    python scripts/checks/mesh_fields.py patch --output docs/results/mesh_patch.md
    python scripts/checks/mesh_fields.py convergence --output docs/results/mesh_convergence.md

patch: a field that is linear on the outer surface is linear inside; diffusion and elasticity, cells of four and of ten
nodes. convergence: −∇·(D∇u) = 1, u = 0 outside, D along c of each grain a hundred times less; ∫u by cells of four nodes
and by voxels, against the finest mesh of cells of ten nodes.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import skfem
from scipy.sparse.linalg import cg
from skfem.helpers import ddot, dot, eye, grad, sym_grad, trace
from skfem.models.poisson import laplace, unit_load

from nmcfast import generate_particle, load_model
from nmcfast.export.hexahedra import hex_mesh
from nmcfast.export.orientations import matrices
from nmcfast.particle import Particle

SEED, INDEX = 1, 30  # a particle of 35 grains
SLOW = 0.01  # of the diffusivity, along c


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("patch", "convergence"))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    particle = generate_particle(load_model("nmc811"), SEED, INDEX, surface="shell")
    title, lines = patch(particle) if options.what == "patch" else convergence(particle)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    told = f"Commit {commit.strip()}."
    text = "\n".join([f"# {title}", "", f"    python {' '.join(sys.argv)}", "", told, "", *lines, ""])
    print(text)
    if options.output:
        options.output.write_text(text)


# patch tests


def patch(particle: Particle) -> tuple[str, list[str]]:
    mesh = particle.mesh(across=4)
    curved = mesh.quadratic()
    straight = skfem.MeshTet(mesh.points.T, mesh.cells.T.astype(np.int64))
    bent = skfem.MeshTet2(curved.points.T, curved.cells.T.astype(np.int64))
    held = np.unique(mesh.facets[mesh.facet_grains[:, 1] < 0])
    lines = ["| cells | equation | unknowns | largest error |", "|---|---|---|---|"]
    for name, grid, element in (
        ("four nodes", straight, skfem.ElementTetP1()),
        ("ten nodes", bent, skfem.ElementTetP2()),
    ):
        for equation, solve in (("diffusion", diffusion_error), ("elasticity", elasticity_error)):
            unknowns, error = solve(grid, element)
            lines.append(f"| {name} | {equation} | {unknowns:,} | {error:.1e} |")
    told = (
        f"A particle of {len(np.unique(mesh.grain))} grains, {len(mesh.cells):,} tetrahedra, {len(held):,} nodes held "
        "on the outer surface; error over the largest value of the field."
    )
    return "Patch tests on tetrahedra", [told, "", *lines]


def diffusion_error(mesh: skfem.Mesh, element: skfem.Element) -> tuple[int, float]:
    basis = skfem.Basis(mesh, element)
    exact = np.array([1.0, -2.0, 0.5]) @ basis.doflocs + 3.0
    dofs = basis.get_dofs().all()
    u = np.where(np.isin(np.arange(basis.N), dofs), exact, 0.0)
    solved = skfem.solve(*skfem.condense(laplace.assemble(basis), x=u, D=dofs))
    return basis.N - len(dofs), float(np.abs(solved - exact).max() / np.abs(exact).max())


def elasticity_error(mesh: skfem.Mesh, element: skfem.Element) -> tuple[int, float]:
    basis = skfem.Basis(mesh, skfem.ElementVector(element))
    field = np.array([(1.0, 0.3, -0.2), (0.1, -0.7, 0.4), (0.0, 0.5, 0.6)])

    @skfem.BilinearForm
    def energy(u, v, w):
        e = sym_grad(u)
        return ddot(2.0 * e + 1.5 * eye(trace(e), 3), sym_grad(v))

    place = basis.doflocs  # of each component of each node
    component = np.zeros(basis.N, int)
    for k in range(3):
        component[basis.nodal_dofs[k]] = k
        if len(basis.edge_dofs):
            component[basis.edge_dofs[k]] = k
    exact = np.einsum("ij,ij->j", field[component].T, place)
    dofs = basis.get_dofs().all()
    u = np.where(np.isin(np.arange(basis.N), dofs), exact, 0.0)
    solved = skfem.solve(*skfem.condense(energy.assemble(basis), x=u, D=dofs))
    return basis.N - len(dofs), float(np.abs(solved - exact).max() / np.abs(exact).max())


# convergence


def convergence(particle: Particle) -> tuple[str, list[str]]:
    axes = matrices(particle.grains.orientation)[:, :, 2]
    tensors = np.eye(3) - (1.0 - SLOW) * axes[:, :, None] * axes[:, None, :]
    fine = particle.mesh(across=8)
    bent = fine.quadratic()
    truth = integral(
        skfem.MeshTet2(bent.points.T, bent.cells.T.astype(np.int64)), skfem.ElementTetP2(), tensors[fine.grain]
    )[1]
    lines = ["| mesh | elements | unknowns | ∫u, µm⁵ | error | order |", "|---|---|---|---|---|---|"]
    for name, make in (("tetrahedra", tetrahedra), ("voxels", voxels)):
        before = None
        for across in (2.0, 3.0, 4.0, 6.0):
            grid, element, grain = make(particle, across)
            unknowns, value = integral(grid, element, tensors[grain])
            error = abs(value / truth - 1.0)
            size = unknowns ** (-1 / 3)
            order = "" if before is None else f"{np.log(before[1] / error) / np.log(before[0] / size):.1f}"
            before = size, error
            lines.append(
                f"| {name} | {grid.t.shape[1]:,} | {unknowns:,} | {value:.5f} | {100 * error:.2f} % | {order} |"
            )
    told = (
        f"{len(particle.grains)} grains; the truth, {truth:.5f} µm⁵, by {len(fine.cells):,} cells of ten nodes. Order: "
        "of the error in the cube root of the unknowns. Voxels have about as many unknowns as tetrahedra."
    )
    return "Convergence beside voxels", [told, "", *lines]


def tetrahedra(particle: Particle, across: float):
    mesh = particle.mesh(across=across)
    return skfem.MeshTet(mesh.points.T, mesh.cells.T.astype(np.int64)), skfem.ElementTetP1(), mesh.grain


def voxels(particle: Particle, across: float):
    """Hexahedra with about the nodes that tetrahedra have: a lattice of cells of edge a has two nodes a cell."""
    size = (6.0 / np.pi * particle.grains.volume.mean()) ** (1 / 3) / across / 0.9 / 2 ** (1 / 3)
    volume = particle.voxelize(size)
    grid = hex_mesh(volume.labels, volume.origin, size)
    order = [0, 4, 3, 1, 7, 5, 2, 6]  # which corner is each of scikit-fem's
    return (
        skfem.MeshHex(grid.points.T, grid.cells[:, order].T.astype(np.int64)),
        skfem.ElementHex1(),
        grid.grain.astype(int) - 1,
    )


def integral(mesh: skfem.Mesh, element: skfem.Element, tensors: np.ndarray) -> tuple[int, float]:
    """Unknowns, and ∫u of −∇·(D∇u) = 1 with u = 0 on the outer surface; a tensor (m, 3, 3) a cell."""
    basis = skfem.Basis(mesh, element)

    @skfem.BilinearForm
    def flux(u, v, w):
        return dot(np.einsum("mij,jmq->imq", tensors, grad(u)), grad(v))

    load, held = unit_load.assemble(basis), basis.get_dofs().all()
    matrix, right, _, free = skfem.condense(flux.assemble(basis), load, D=held)
    found, failed = cg(matrix, right, rtol=1e-10, M=skfem.build_pc_diag(matrix))
    assert not failed
    return len(free), float(right @ found)


if __name__ == "__main__":
    main()
