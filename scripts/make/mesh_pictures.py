"""Pictures of a mesh for docs/meshes.md, drawn by VTK.

    python scripts/make/mesh_pictures.py --output docs          # mesh_cut.png, mesh_stages.png

mesh_cut: a particle cut open, a place where grains meet, its surface, and the mesh opened along its boundaries.
mesh_stages: the same cut at three stages of how it is made, from the very arrays.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import vtkmodules.vtkRenderingFreeType
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkRenderWindow,
    vtkTextActor,
    vtkWindowToImageFilter,
)

import vtkmodules.vtkRenderingOpenGL2  # noqa: F401, isort:skip
from vtkmodules.vtkIOImage import vtkPNGWriter

from nmcfast import generate_particle, load_model
from nmcfast.export.triangles import colours
from nmcfast.meshes.body import Body
from nmcfast.meshes.mesh import Mesh
from nmcfast.meshes.optimise import optimised
from nmcfast.meshes.start import lattice_over, repaired, without_outside

SEED, INDEX, ACROSS = 1, 30, 6.0
FACES = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])
PANEL, COLUMNS = 620, {4: 2, 3: 3}  # pixels; panels beside each other


@dataclass
class View:
    """A panel: triangles (f, 3) of points with a grain each, looked at from a direction; zoom about a focus."""

    title: str
    points: np.ndarray
    triangles: np.ndarray
    grains: np.ndarray
    look: tuple[float, float, float] = (0.5, -0.45, 0.75)
    focus: np.ndarray | None = None
    height: float = 0.0  # of what is seen, µm; 0: all


def skin(cells: np.ndarray, grain: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outer triangles of some of the cells, and the grain of each."""
    faces = cells[chosen][:, FACES].reshape(-1, 3)
    _, first, count = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    rows = first[count == 1]
    return faces[rows], np.repeat(grain[chosen], 4)[rows]


def below(points: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The cells whose middle lies below the plane that a cut is made along."""
    return points[cells].mean(axis=1) @ np.array([0.35, -0.3, 0.89]) < 0.0


def cut(title: str, points: np.ndarray, cells: np.ndarray, grain: np.ndarray, **more) -> View:
    return View(title, points, *skin(cells, grain, below(points, cells)), **more)


def views(mesh: Mesh) -> list[View]:
    whole = np.ones(len(mesh.cells), bool)
    meeting = np.zeros(len(mesh.points), int)
    for grain in np.unique(mesh.grain):
        meeting[np.unique(mesh.cells[mesh.grain == grain])] += 1
    shown = skin(mesh.cells, mesh.grain, below(mesh.points, mesh.cells))
    level = np.abs(mesh.points @ np.array([0.35, -0.3, 0.89]))
    on_skin = np.zeros(len(mesh.points), bool)
    on_skin[shown[0]] = True
    place = np.flatnonzero(on_skin & (meeting >= 3) & (np.linalg.norm(mesh.points, axis=1) < 0.6))
    focus = mesh.points[place[np.argmin(level[place])]]
    return [
        cut("cut open", mesh.points, mesh.cells, mesh.grain),
        cut("three grains at a line", mesh.points, mesh.cells, mesh.grain, focus=focus, height=0.9),
        View("surface", mesh.points, *skin(mesh.cells, mesh.grain, whole)),
        opened(mesh),
    ]


def opened(mesh: Mesh) -> View:
    """The mesh on split nodes, each grain moved outwards."""
    parted = mesh.split()
    owner = np.zeros(len(parted.points), int)
    owner[parted.cells] = mesh.grain[:, None]
    middle = np.stack(
        [
            mesh.points[mesh.cells[mesh.grain == g]].mean(axis=(0, 1)) if (mesh.grain == g).any() else np.zeros(3)
            for g in range(int(mesh.grain.max()) + 1)
        ]
    )
    points = parted.points + 0.25 * middle[owner]
    keep = below(mesh.points, mesh.cells)
    return View("nodes split along all boundaries, grains moved apart", points, *skin(parted.cells, mesh.grain, keep))


def stages(body: Body, size: float) -> list[View]:
    """The cut through the lattice, through the manifold names, and through the finished mesh."""
    lattice = lattice_over(body, size / 0.9, np.zeros(3), 1)
    inside = lattice.names > 0
    first = cut(
        "1  a lattice: each cell has the grain of its middle",
        lattice.points,
        lattice.cells[inside],
        lattice.names[inside] - 1,
    )
    repaired(lattice, body, size / 0.9)
    start = without_outside(lattice)
    count = len(start.points)
    solid = start.names > 0
    second = cut(
        "2  names changed until all is manifold", start.points.copy(), start.cells[solid].copy(), start.names[solid] - 1
    )
    assert len(start.points) == count
    last = optimised(start, body, size, 1)
    solid = last.names > 0
    third = cut(
        "3  nodes on d_i = d_j and |x| = X(u), cells joined anew", last.points, last.cells[solid], last.names[solid] - 1
    )
    return [first, second, third]


# drawing


def draw(panels: list[View], path: Path) -> None:
    window = vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(8)
    wide = COLUMNS[len(panels)]
    high = len(panels) // wide
    window.SetSize(PANEL * wide, PANEL * high)
    for k, view in enumerate(panels):
        renderer, (row, column) = vtkRenderer(), divmod(k, wide)
        row = high - 1 - row
        renderer.SetViewport(column / wide, row / high, (column + 1) / wide, (row + 1) / high)
        renderer.SetBackground(1.0, 1.0, 1.0)
        renderer.AddActor(actor(view))
        renderer.AddViewProp(caption(view.title))
        place(renderer, view)
        window.AddRenderer(renderer)
    window.Render()
    image, writer = vtkWindowToImageFilter(), vtkPNGWriter()
    image.SetInput(window)
    writer.SetInputConnection(image.GetOutputPort())
    writer.SetFileName(str(path))
    writer.Write()


def actor(view: View) -> vtkActor:
    data, points, cells = vtkPolyData(), vtkPoints(), vtkCellArray()
    points.SetData(numpy_to_vtk(view.points, deep=True))
    corners = numpy_to_vtkIdTypeArray(view.triangles.astype(np.int64).ravel(), deep=True)
    cells.SetData(numpy_to_vtkIdTypeArray(np.arange(0, 3 * len(view.triangles) + 1, 3), deep=True), corners)
    data.SetPoints(points)
    data.SetPolys(cells)
    data.GetCellData().SetScalars(numpy_to_vtk(colours(view.grains + 1), deep=True))
    assert vtk_to_numpy(data.GetCellData().GetScalars()).dtype == np.uint8
    mapper, out = vtkPolyDataMapper(), vtkActor()
    mapper.SetInputData(data)
    out.SetMapper(mapper)
    out.GetProperty().SetInterpolationToFlat()
    out.GetProperty().EdgeVisibilityOn()
    out.GetProperty().SetEdgeColor(0.12, 0.12, 0.15)
    out.GetProperty().SetLineWidth(0.8 if not view.height else 1.4)
    out.GetProperty().SetAmbient(0.35)
    out.GetProperty().SetDiffuse(0.7)
    return out


def caption(text: str) -> vtkTextActor:
    out = vtkTextActor()
    out.SetInput(text)
    out.GetTextProperty().SetColor(0.1, 0.1, 0.1)
    out.GetTextProperty().SetFontSize(18)
    out.GetTextProperty().SetBackgroundColor(1.0, 1.0, 1.0)
    out.GetTextProperty().SetBackgroundOpacity(0.85)
    out.SetPosition(12, 10)
    return out


def place(renderer: vtkRenderer, view: View) -> None:
    camera, used = renderer.GetActiveCamera(), view.points[np.unique(view.triangles)]
    middle = 0.5 * (used.min(axis=0) + used.max(axis=0)) if view.focus is None else view.focus
    look = np.array(view.look) / np.linalg.norm(view.look)
    camera.ParallelProjectionOn()
    camera.SetFocalPoint(*middle)
    camera.SetPosition(*(middle + 20.0 * look))
    camera.SetViewUp(0.0, 1.0, 0.3)
    reach = np.linalg.norm(np.cross(used - middle, look), axis=1).max()
    camera.SetParallelScale(0.5 * view.height if view.height else 0.93 * reach)
    renderer.ResetCameraClippingRange()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("docs"))
    options = parser.parse_args()
    particle = generate_particle(load_model("nmc811"), SEED, INDEX, surface="shell")
    mesh = particle.mesh(across=ACROSS)
    draw(views(mesh), options.output / "mesh_cut.png")
    draw(stages(Body(particle.grains, particle.shell, particle.norm), mesh.size), options.output / "mesh_stages.png")


if __name__ == "__main__":
    main()
