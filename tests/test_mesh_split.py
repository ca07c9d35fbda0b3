"""Meshes opened along boundaries: nodes split as their sides ask, wedges between, files that say so."""

import re

import meshio
import numpy as np
import pytest
import tet_toys
from test_mesh_files import exodus_by_vtk

from nmcfast.errors import InputError
from nmcfast.export.tets import files


@pytest.fixture(scope="module")
def parted():
    return tet_toys.mesh().split()


def names_at(mesh):
    """The grains about each node."""
    out = [set() for _ in mesh.points]
    for cell, grain in zip(mesh.cells.tolist(), mesh.grain.tolist(), strict=True):
        for node in cell:
            out[node].add(grain)
    return out


def test_each_node_is_there_once_for_each_grain_about_it(parted):
    """Two on a face, three on a triple line, four at a quadruple point; none without a cell."""
    mesh = tet_toys.mesh()
    copies = np.bincount(parted.origin, minlength=len(mesh.points))
    about = names_at(mesh)
    np.testing.assert_array_equal(copies, [len(names) for names in about])
    assert {1, 2, 3, 4} <= set(copies.tolist())
    np.testing.assert_array_equal(np.unique(parted.cells), np.arange(len(parted.points)))
    np.testing.assert_array_equal(parted.points, mesh.points[parted.origin])
    np.testing.assert_array_equal(parted.origin[parted.cells], mesh.cells)
    owner = {}
    for cell, grain in zip(parted.cells.tolist(), mesh.grain.tolist(), strict=True):
        for node in cell:
            assert owner.setdefault(node, grain) == grain


def test_wedges_have_their_sides_in_the_two_grains_and_look_to_the_second(parted):
    mesh = tet_toys.mesh()
    inner = mesh.facet_grains[:, 1] >= 0
    assert len(parted.wedges) == inner.sum()
    assert parted.whole == 0
    grain_of = np.full(len(parted.points), -1)
    grain_of[parted.cells] = mesh.grain[:, None]
    np.testing.assert_array_equal(grain_of[parted.wedges[:, :3]], np.repeat(parted.wedge_grains[:, :1], 3, axis=1))
    np.testing.assert_array_equal(grain_of[parted.wedges[:, 3:]], np.repeat(parted.wedge_grains[:, 1:], 3, axis=1))
    order = np.lexsort(mesh.facet_grains[inner].T[::-1])
    np.testing.assert_array_equal(parted.origin[parted.wedges[:, :3]], mesh.facets[inner][order])
    np.testing.assert_array_equal(parted.origin[parted.wedges[:, 3:]], mesh.facets[inner][order])


def test_opened_by_a_little_wedges_have_volume(parted):
    """Each grain drawn towards its middle: wedges become prisms, of positive volume in the order of Abaqus."""
    mesh = tet_toys.mesh()
    middle = np.stack([mesh.points[mesh.cells[mesh.grain == g]].mean(axis=(0, 1)) for g in range(tet_toys.GRAINS)])
    grain_of = np.zeros(len(parted.points), int)
    grain_of[parted.cells] = mesh.grain[:, None]
    p = (parted.points + 0.05 * (middle[grain_of] - parted.points))[parted.wedges]
    tets = [0, 1, 2, 5], [0, 1, 5, 4], [0, 4, 5, 3]  # of a prism whose base 0 1 2 looks to 3 4 5
    volume = sum(tet_toys.tet_volumes(p[:, t]) for t in tets)
    assert (volume > 0.0).mean() > 0.97  # grains are not convex
    gap = mesh.volume.sum() - (0.95**3) * mesh.volume.sum()
    assert 0.3 * gap < volume.sum() < gap


def test_chosen_pairs_alone_are_opened(parted):
    """On the rim of one boundary nodes stay whole, inside they are two; other boundaries are shared as before."""
    mesh = tet_toys.mesh()
    sizes = {tuple(p): int((mesh.facet_grains == p).all(axis=1).sum()) for p in np.unique(mesh.facet_grains, axis=0)}
    pair = max((p for p in sizes if p[1] >= 0), key=sizes.get)
    one = mesh.split([pair[::-1]])
    assert {tuple(p) for p in one.wedge_grains.tolist()} == {pair}
    assert len(one.wedges) + one.whole == sizes[pair]
    two = np.bincount(one.origin, minlength=len(mesh.points))[mesh.facets[(mesh.facet_grains == pair).all(axis=1)]] > 1
    assert one.whole == (~two.any(axis=1)).sum() and (two.any(axis=1) & ~two.all(axis=1)).any()  # some on the rim
    facets = mesh.facets[(mesh.facet_grains == pair).all(axis=1)]
    edges = np.sort(np.concatenate([facets[:, [0, 1]], facets[:, [1, 2]], facets[:, [2, 0]]]), axis=1)
    edges, counts = np.unique(edges, axis=0, return_counts=True)
    rim, outer = np.unique(edges[counts == 1]), np.unique(mesh.facets[mesh.facet_grains[:, 1] < 0])
    about = names_at(mesh)
    twice = {n for n in np.unique(facets).tolist() if n not in rim or (n in outer and len(about[n]) == 2)}
    assert set(one.origin[len(mesh.points) :].tolist()) == twice
    assert len(twice) > 10
    several = mesh.split([p for p in sizes if p[1] >= 0])
    np.testing.assert_array_equal(several.cells, parted.cells)


def test_pairs_without_a_boundary_are_refused():
    mesh = tet_toys.mesh()
    known = {tuple(p) for p in mesh.facet_grains.tolist()}
    a, b = next((a, b) for a in range(7) for b in range(a + 1, 7) if (a, b) not in known)
    with pytest.raises(InputError, match=f"grains {a + 1} and {b + 1} share no boundary"):
        mesh.split([(a, b)])


def test_abaqus_has_wedges_in_sets_of_pairs(tmp_path):
    deck = tet_toys.deck(cohesive="all")
    files.write(deck, tmp_path, "abaqus")
    text = (tmp_path / "mesh.inp").read_text()
    sets = re.findall(r"\*ELEMENT, TYPE=COH3D6, ELSET=COHESIVE_(\d+)_(\d+)\n((?:\d+(?:, \d+){6}\n)+)", text)
    assert [(int(a), int(b)) for a, b, _ in sets] == [tuple(p) for p in deck.pairs.tolist()]
    rows = np.array([line.split(", ") for *_, said in sets for line in said.splitlines()], int)
    np.testing.assert_array_equal(rows[:, 0], len(deck.cells) + 1 + np.arange(len(rows)))
    lower, upper = rows[:, 1:4] - 1, rows[:, 4:] - 1
    np.testing.assert_array_equal(deck.points[lower], deck.points[upper])
    owner = np.zeros(len(deck.points), int)
    owner[deck.cells] = deck.grain[:, None]
    pair = np.array([(a, b) for a, b, said in sets for _ in said.splitlines()], int)
    np.testing.assert_array_equal(owner[lower], np.repeat(pair[:, :1], 3, axis=1))
    np.testing.assert_array_equal(owner[upper], np.repeat(pair[:, 1:], 3, axis=1))
    # the turn of the lower face looks to the upper one: facets of a grain then close with the outer surface
    grain = int(deck.groups[0])
    total = tet_toys.flux(deck.points[deck.outer[deck.facet_grains[deck.outside, 0] == grain]])
    total += tet_toys.flux(deck.points[lower[pair[:, 0] == grain]])
    total -= tet_toys.flux(deck.points[lower[pair[:, 1] == grain]])
    assert total == pytest.approx(deck.volume[grain - 1])
    assert text.split("*ELSET, ELSET=COHESIVE\n")[1].split("*")[0].count("COHESIVE_") == len(deck.pairs)
    nodes = text.split("NSET=INTERFACE_NODES\n")[1].split("*")[0].split()
    assert {int(n) - 1 for n in nodes} == set(np.unique(deck.cohesive).tolist())
    used = {int(n) for n in np.unique(deck.cells) + 1}
    assert used == set(range(1, len(deck.points) + 1))
    materials = (tmp_path / "materials.inp").read_text()
    assert "*COHESIVE SECTION, ELSET=COHESIVE, MATERIAL=GRAIN_BOUNDARY" in materials


def test_other_readers_find_the_wedges(tmp_path):
    deck = tet_toys.deck(cohesive="all")
    for format in ("gmsh", "exodus", "vtu"):
        (tmp_path / format).mkdir()
        files.write(deck, tmp_path / format, format)
    read = meshio.read(tmp_path / "gmsh" / "particle.msh")
    np.testing.assert_array_equal(read.cells_dict["wedge"], deck.cohesive)
    found = exodus_by_vtk(tmp_path / "exodus" / "particle.e")
    np.testing.assert_allclose(found["cohesive"], deck.points[deck.cohesive], atol=1e-6)
    wedges = meshio.read(tmp_path / "vtu" / "cohesive.vtu")
    np.testing.assert_array_equal(wedges.points[wedges.cells_dict["wedge"]], deck.points[deck.cohesive])
    np.testing.assert_array_equal(wedges.cell_data["neighbour"][0], deck.cohesive_grains[:, 1])


def test_formats_without_such_elements_refuse(tmp_path):
    for format in ("dolfinx", "nastran", "stl"):
        with pytest.raises(InputError, match=f"{format} has no cohesive"):
            files.write(tet_toys.deck(cohesive="all"), tmp_path, format)
    assert not list(tmp_path.iterdir())
