"""Labels of Eq. (8) where the rounding bound binds: difficult seeds in the corner blocks of a tile of 256³ voxels.

In the middle of a tile the bound, which adds the width of the tile to every distance, is so ample that a constant of it
can be wrong a hundredfold and no label shows it. Here it is spent: in the eight blocks of 8³ voxels farthest from the
origin of coordinates, with seeds that all but tie there; at the ends of a tile that is a plane or a row, where sums of
coordinates are no longer than distances; in a tile of one leaf, where nothing is added. Each entry (labels, lists of
boxes, halo) equals a float64 brute force, to the last voxel, with ties to the lower index.
"""

from dataclasses import dataclass

import naive_gbpd as naive
import numba
import numpy as np
import pytest

from nmcfast.kernels.gbpd.candidates import place_seeds
from nmcfast.kernels.gbpd.ceilings import cap_pyramid
from nmcfast.kernels.gbpd.cells import Lattice, cell_edge, cells_of, low_seeds
from nmcfast.kernels.gbpd.corners import highest_of_picks
from nmcfast.kernels.gbpd.descent import tile_at
from nmcfast.kernels.gbpd.layout import CORNERS, CX, FIELDS, PICKED, RECORD, WX, Scene, records_of, scratch_for
from nmcfast.kernels.gbpd.marks import marks_of, share_of
from nmcfast.kernels.gbpd.volumes import factors
from nmcfast.kernels.vectors.memory import raw, store
from nmcfast.tessellation import Field, Grid, label

INTERPRETED = bool(numba.config.DISABLE_JIT)  # slow, but without an hour of compiling: see scripts/checks/mutants.py
compiled = pytest.mark.skipif(INTERPRETED, reason="too slow without the compiler")
FIRST = (-131, 1003, -90)
SHAPES = {"row": (8, 8, 256), "leaf": (4, 4, 4), "plane": (1, 256, 256), "volume": (256, 256, 256)}
GRIDS = [
    pytest.param(Grid(FIRST, shape, 0.3), id=name, marks=() if name in ("leaf", "row") else compiled)
    for name, shape in SHAPES.items()
]
DRAWS = (1, 0) if INTERPRETED else (0, 1, 2, 3)


@pytest.fixture(autouse=True)
def as_compiled():
    """Divisions by zero and the like are masked later, as compiled code does without a word."""
    with np.errstate(all="ignore"):
        yield


@dataclass(frozen=True, eq=False)
class Given:
    """Seeds as `nmcfast.tessellation` takes them, but of any matrices M = `metric`."""

    position: np.ndarray
    metric: np.ndarray
    offset: np.ndarray

    def __len__(self):
        return len(self.offset)


def corner_blocks(grid):
    """The blocks of a grid that are asked for, and the voxels z, y, x of them (p, 3)."""
    blocks = np.zeros([-(-n // 8) for n in grid.shape], bool)
    blocks[np.ix_(*((0, n - 1) for n in blocks.shape))] = True
    voxels = blocks.repeat(8, 0).repeat(8, 1).repeat(8, 2)[tuple(map(slice, grid.shape))]
    return blocks, np.argwhere(voxels)


def distances(seeds, points, squared):
    """d of all seeds at points x, y, z (p, 3) -> (p, n), float64, in the kernel's order, so that ties agree."""
    m = seeds.metric.T[:, :, None]
    dx, dy, dz = (points[:, None] - seeds.position).transpose(2, 0, 1)
    q = m[0, 0] * dx * dx + m[1, 1] * dy * dy + m[2, 2] * dz * dz
    q += 2.0 * (m[1, 0] * dx * dy + m[2, 0] * dx * dz + m[2, 1] * dy * dz)
    q = np.maximum(q, 0.0)
    return (q if squared else np.sqrt(q)) - seeds.offset


def towards(rng, directions):
    """Orthonormal frames (n, 3, 3) whose first row is a direction (n, 3), the others random."""
    a = rng.normal(size=(len(directions), 3, 3))
    a[:, :, 0] = directions
    q = np.linalg.qr(a)[0]
    return q.transpose(0, 2, 1)


def of_axes(frame, eigenvalues):
    """M = Qᵀ D Q (n, 3, 3), symmetric to the bit."""
    m = np.einsum("nka,nk,nkb->nab", frame, eigenvalues, frame)
    return (m + m.transpose(0, 2, 1)) / 2


def jitter(rng, size, *shape):
    """Numbers of either sign of about 10^size, and some down to a thousandth of it."""
    return rng.normal(size=shape) * 10.0 ** rng.uniform(size - 3, size, shape)


def twins_seen_from_afar(rng, middle, corners):
    """60 seeds at one place 300 … 3,000 voxels off; metrics that differ in the sixth digit."""
    away = rng.normal(size=3)
    position = np.repeat((middle + away / np.linalg.norm(away) * 10.0 ** rng.uniform(2.5, 3.5))[None], 60, 0)
    base = naive.metrics(rng, 1, 10.0 ** rng.uniform(-1, 1, (1, 3)))
    return position, base * (1 + jitter(rng, -6, 60, 1, 1)) + naive.metrics(rng, 60, np.abs(jitter(rng, -5, 60, 3)))


def twins_along_an_axis(rng, middle, corners):
    """As `twins_seen_from_afar`, along x, y or z and elongated that way: no room between the bound and what rounds."""
    away = rng.permuted([0.0, 0.0, rng.choice([-1, 1])])
    position = np.repeat((middle + away * 10.0 ** rng.uniform(3, 4.5))[None], 60, 0)
    base = of_axes(towards(rng, away[None]), np.array([[1.0, 0.02, 0.01]]))
    return position, base * (1 + jitter(rng, -6, 60, 1, 1)) + naive.metrics(rng, 60, np.abs(jitter(rng, -6, 60, 3)))


def twins_within_the_tile(rng, middle, corners):
    """12 places about the middle, 10 seeds each: places that differ by less than 1e-3 voxels, metrics by 1e-6."""
    position = np.repeat(middle + rng.normal(size=(12, 3)) * 20, 10, 0)
    base = np.repeat(naive.metrics(rng, 12, 10.0 ** rng.uniform(-1, 1, (12, 3))), 10, 0)
    return position + jitter(rng, -4, 120, 3), base * (1 + jitter(rng, -6, 120, 1, 1))


def needles(rng, middle, corners):
    """100 seeds of axes up to 10⁴ times as long as others, half of them pointing to a corner."""
    position = middle + rng.uniform(-140, 140, (100, 3))
    aim = corners[rng.integers(len(corners), size=100)] - position
    aim[::2] = rng.normal(size=(50, 3))
    return position, of_axes(towards(rng, aim), 10.0 ** np.sort(rng.uniform(-8, 0, (100, 3)), 1))


def flat(rng, middle, corners):
    """D with a zero eigenvalue whose axis points to a corner, or two: what keeps A stable is all that is left of d."""
    k = np.repeat(rng.integers(len(corners), size=30), 4)
    position = middle + np.repeat(rng.normal(size=(30, 3)) * 5, 4, 0)
    aim = corners[k] - position
    position += aim * np.tile([0.0, 0.0, 0.7, -0.5], 30)[:, None]  # along the axis d does not change
    frame, eigenvalues = np.repeat(towards(rng, aim[::4]), 4, 0), np.repeat(rng.uniform(0.5, 2, (30, 3)), 4, 0)
    eigenvalues[:, 0] = 0.0
    eigenvalues[:60, 1] = 0.0
    return position, of_axes(frame, eigenvalues * (1 + jitter(rng, -5, 120, 1)))


def slabs(rng, middle, corners):
    """D with two zero eigenvalues: layers at d = 0 from the middle of a tile to a corner, and one parallel."""
    normal = rng.permuted([[1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]][rng.integers(3)])
    corner = corners[np.abs((corners - middle) @ normal).argmin()]
    normal /= np.linalg.norm(normal)
    position = middle + rng.normal(size=(20, 3)) * 0.3
    position -= normal * ((position - corner) @ normal)[:, None]
    position[0] += normal * rng.uniform(1, 3)
    return position, np.repeat(np.outer(normal, normal)[None], 20, 0)


def slabs_from_afar(rng, middle, corners):
    """Layers near a corner of seeds 3·10⁶ … 3·10⁸ voxels off, that rounding moves aside, and one seed of one value."""
    normal = rng.normal(size=3) + rng.permuted([4.0, 0.0, 0.0])
    normal /= np.linalg.norm(normal)
    along = towards(rng, np.repeat(normal[None], 12, 0))[:, 1]
    position = corners[rng.integers(len(corners), size=12)] + along * 10.0 ** rng.uniform(6.5, 8.5, (12, 1))
    metric = np.repeat(np.outer(normal, normal)[None], 12, 0)
    position[0], metric[0] = middle, np.eye(3) * 1e-14
    return position, metric


def slabs_at_a_level(rng, middle, corners):
    """As `slabs`, so low that a whole box lies near d = 0, and one seed that is of one value all over the tile."""
    position, metric = slabs(rng, middle, corners)
    metric *= 1e-3
    metric[1] *= 1e-12
    return position, metric


def stacked_slabs(rng, middle, corners):
    """As `slabs`, at 100 … 30,000 voxels on one side: parallel everywhere, but their rounding is not of one size."""
    normal = rng.normal(size=3) + rng.permuted([4.0, 0.0, 0.0])
    normal /= np.linalg.norm(normal)
    position = middle - normal * 10.0 ** rng.uniform(2.4, 4.5, (40, 1))
    return position, np.repeat(np.outer(normal, normal)[None], 40, 0)


def nested(rng, middle, corners):
    """60 seeds at the middle of the tile, less than 0.01 voxels apart, and a few axes."""
    base = naive.metrics(rng, 3, 10.0 ** rng.uniform(-1, 1, (3, 3)))
    return middle + jitter(rng, -2, 60, 3), np.repeat(base, 20, 0) * (1 + jitter(rng, -6, 60, 1, 1))


def faint_twins(rng, middle, corners):
    """As `twins_within_the_tile`, so faint that squares of A and of d are next to nothing in float32."""
    position, metric = twins_within_the_tile(rng, middle, corners)
    return position, metric * 1e-44


def sunk_twins(rng, middle, corners):
    """As `twins_within_the_tile`, with one seed 2·10⁶ voxels off of offset 10⁶: all others are 10⁶ lower than it."""
    position, metric = twins_within_the_tile(rng, middle, corners)
    position[0], metric[0] = middle + np.array([2e6, 0.0, 0.0]), np.eye(3)
    return position, metric


def elongated(rng, middle, corners):
    """100 seeds all over the tile, axes ratios to 10."""
    return middle + rng.uniform(-140, 140, (100, 3)), naive.metrics(rng, 100, 10.0 ** rng.uniform(-1, 1, (100, 3)))


def equal_balls(rng, middle, corners):
    """Balls on voxel centres around each corner, some twice: exact ties on whole planes."""
    position = np.floor(corners[rng.integers(len(corners), size=120)]) + 0.5 + rng.integers(-6, 7, (120, 3))
    return position, np.repeat(np.eye(3)[None], 120, 0)


def concentric_twins(rng, middle, corners):
    """In the very middle, without offsets, where nothing but the size of a leaf is left of the bound: 3 and as many
    that are larger by a part in 10⁸."""
    metric = naive.metrics(rng, 3, 10.0 ** rng.uniform(-1, 1, (3, 3)))
    return np.repeat(middle[None], 6, 0), np.concatenate([metric, metric * (1.0 + 4e-8)])


KINDS = (
    slabs_from_afar,
    stacked_slabs,
    slabs,
    slabs_at_a_level,
    twins_along_an_axis,
    flat,
    nested,
    needles,
    twins_seen_from_afar,
    equal_balls,
    twins_within_the_tile,
    elongated,
    faint_twins,
    sunk_twins,
    concentric_twins,
)


def seeds_of(kind, draw, grid, squared):
    """Seeds of a kind over a grid, shuffled; their offsets are such that each all but ties at its lowest corner."""
    rng = np.random.default_rng([draw, *kind.__name__.encode()])
    shape = np.array(grid.shape[::-1])
    middle = shape / 2
    signs = np.unique(np.stack(np.meshgrid(*[[-1, 1]] * 3), -1).reshape(-1, 3) * (shape > 8), axis=0)
    corners = np.floor(middle + signs * (middle - 4)) + 0.5  # a voxel centre in each block
    position, metric = kind(rng, middle, corners)
    order = rng.permutation(len(position))
    offset = np.zeros(len(order))
    if kind not in (equal_balls, concentric_twins):
        offset = distances(Given(position, metric, offset), corners, squared).min(0)
        offset += jitter(rng, -7 if kind is stacked_slabs else -6, len(order)) * (offset + (kind is not faint_twins))
    if kind is sunk_twins:
        offset[0] -= 1e6
    if kind is slabs_from_afar:
        offset[0] -= (4.0, 9.0)[draw % 2]  # as much as others rise in a leaf, in a block
        order = np.roll(np.arange(len(order)), -1)  # the one that hardly rounds comes last
    return Given(position[order] * grid.size + grid.origin, metric[order] / grid.size**2, offset[order])


@pytest.mark.parametrize("norm", ("unsquared", "squared"))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("entry", ("label", "boxes"))
def test_labels_in_the_corners_of_a_tile(entry, grid, kind, norm):
    """4 draws: 16,384 voxels of a volume, 1,024 pixels of a plane, 4,096 voxels of a row, none differs."""
    blocks, voxels = corner_blocks(grid)
    shift = (0.0, 0.0, 0.07) if entry == "label" else (0.0, 0.0, 0.0)
    for draw in DRAWS:
        seeds = seeds_of(kind, draw, grid, norm == "squared")
        names, every = np.arange(1, len(seeds) + 1).astype(np.uint16), np.ones(len(seeds), bool)
        if entry == "label":
            moved = Given(seeds.position + shift, seeds.metric, seeds.offset)
            found = label(moved, grid, names, every, blocks=blocks, norm=norm, shift=shift)
        else:
            moved, found = seeds, np.zeros(grid.shape, np.uint16)
            Field(seeds, grid, blocks, norm).label(found, names, every, blocks)
        origin = grid.origin + shift
        expected = 1 + distances(moved, origin + (voxels[:, ::-1] + 0.5) * grid.size, norm == "squared").argmin(1)
        wrong = (found[tuple(voxels.T)] != expected).sum()
        assert wrong == 0, f"draw {draw}: {wrong} of {len(voxels)} voxels differ"


@pytest.mark.parametrize("norm", ("unsquared", "squared"))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grid", GRIDS)
def test_halo_in_the_corners_of_a_tile(grid, kind, norm):
    """4 draws, a third of the seeds kept: with these and their halo alone the grains are what they are among all.

    At all voxel centres and as many points anywhere in their voxels, on faces too.
    """
    blocks, voxels = corner_blocks(grid)
    for draw in DRAWS:
        rng, seeds = np.random.default_rng(draw), seeds_of(kind, draw, grid, norm == "squared")
        inside = np.concatenate([np.full(voxels.shape, 0.5), rng.choice([0.0, 1.0, 0.3, 0.77], voxels.shape)])
        points = grid.origin + (np.tile(voxels[:, ::-1], (2, 1)) + inside) * grid.size
        d = distances(seeds, points, norm == "squared")
        field, winner = Field(seeds, grid, blocks, norm), d.argmin(1)
        inner = rng.random(len(seeds)) < 0.33
        inner[rng.choice(winner, 3)] = True
        bereft = rng.random(len(seeds)) < 0.33  # of the winner of a point, but with those who come next there
        next_ = d[rng.integers(len(points))].argsort()
        bereft[next_[:4]] = np.arange(4) > 0
        assert inner[winner].any()
        for some in (inner, bereft):
            few = np.flatnonzero(some | field.bounding(some, blocks))
            among_few = few[d[:, few].argmin(1)]
            ours = some[winner] | some[among_few]  # won by a grain, or seemingly so without the others
            wrong = int((winner != among_few)[ours].sum())
            assert wrong == 0, f"draw {draw}: {wrong} of {ours.sum()} points differ"


def random_seeds(rng, count, shape):
    """Seeds of ratios of axes to 100 in a box of voxels, and their factors."""
    position = rng.uniform(0.0, shape[::-1], (count, 3))
    frame, size = np.linalg.qr(rng.normal(size=(count, 3, 3)))[0], 10.0 ** rng.uniform(-3.0, 1.0, (count, 1, 3))
    metric, factor = (frame * size) @ frame.transpose(0, 2, 1), np.empty((6, count), np.float32)
    factors(metric, 1.0, factor)
    return Given(position, metric, rng.uniform(-1.0, 1.0, count)), factor


@numba.njit
def picks_of(place, factor, shift, centre, half, squared):
    """Values of 16 seeds as picks at the corners of boxes, centre and half (3, 16), and the highest of each."""
    c, scratch, high = records_of(factor, shift), scratch_for(), np.empty(16, np.float32)
    place_seeds(c, place, (0.0, 0.0, 0.0), squared)
    for lane in range(16):
        for row in range(FIELDS):
            scratch[PICKED + 16 * row + lane] = c[lane * RECORD + row]
        for axis in range(3):
            scratch[CX + 16 * axis + lane], scratch[WX + 16 * axis + lane] = centre[axis, lane], half[axis, lane]
    store(raw(high), 0, highest_of_picks(squared, raw(scratch)))
    return scratch[CORNERS : CORNERS + 128].copy().reshape(8, 16), high


@pytest.mark.parametrize("squared", (False, True))
def test_picks_are_above_their_seeds_at_the_corners(squared):
    """With their rounding, and hardly more: 40 draws of 16 seeds."""
    for draw in range(6 if INTERPRETED else 40):
        rng = np.random.default_rng([draw, squared])
        seeds, factor = random_seeds(rng, 16, (9, 9, 9))
        centre, half = rng.integers(-400, 400, (3, 16)) / 4.0, rng.integers(1, 64, (3, 16)) / 4.0
        shift, place = seeds.offset.astype(np.float32), np.ascontiguousarray(seeds.position.T)
        value, high = picks_of(place, factor, shift, centre, half, squared)
        side = 2.0 * ((np.arange(8)[:, None] >> np.arange(3)) & 1) - 1.0
        exact = np.empty((8, 16))
        for k in range(8):
            corner = (centre + side[k][:, None] * half).T
            exact[k] = np.diag(distances(seeds, corner, squared))
        assert (value >= exact).all()
        assert (value <= exact + 1e-4 * (1.0 + np.abs(exact).max(0) * (1.0 + 400.0 * squared))).all()
        np.testing.assert_array_equal(high, value.max(0))


@numba.njit
def caps_of(place, factor, shift, shape, squared):
    """Edge of the cells of the first tile of a volume, voxels, and its pyramid of caps."""
    c, everything = records_of(factor, shift), np.empty((0, 0, 0), np.bool_)
    tile = tile_at((0, 0, 0), shape)
    place_seeds(c, place, tile.middle, squared)
    scene = Scene(tile, cell_edge(c, tile), squared, 0)
    return scene.edge, cap_pyramid(c, scene, marks_of(everything), share_of(shape, 0, 1), scratch_for(), 0)


@pytest.mark.parametrize("squared", (False, True))
@pytest.mark.parametrize("count", (1, 40))
def test_caps_are_above_what_is_lowest_in_their_cells(count, squared):
    """At the corners of cells, where a convex d is highest: of one seed the cap is its value there, to the rounding."""
    shape, rng = (200, 23, 17), np.random.default_rng([count, squared])
    for _ in range(6 if INTERPRETED or count > 1 else 40):
        seeds, factor = random_seeds(rng, count, shape)
        place, shift = np.ascontiguousarray(seeds.position.T), seeds.offset.astype(np.float32)
        edge, caps = caps_of(place, factor, shift, shape, squared)
        cells = [-(-n // edge) for n in shape]
        level = np.array(caps[: np.prod(cells)]).reshape(cells)
        ends = [np.minimum(np.arange(n + 1) * edge, m) for n, m in zip(cells, shape, strict=True)]
        corners = np.stack(np.meshgrid(*ends, indexing="ij"), -1).reshape(-1, 3)[:, ::-1].astype(float)
        lowest = distances(seeds, corners, squared).min(1).reshape(np.add(cells, 1))
        for dz, dy, dx in np.ndindex(2, 2, 2):
            assert (level >= lowest[dz : dz + cells[0], dy : dy + cells[1], dx : dx + cells[2]]).all()
        place = level.size
        while level.size > 1:
            even = np.pad(level, [(0, n % 2) for n in level.shape], constant_values=-np.inf)
            nz, ny, nx = (n // 2 for n in even.shape)
            level = even.reshape(nz, 2, ny, 2, nx, 2).max((1, 3, 5))
            np.testing.assert_array_equal(caps[place : place + level.size].reshape(level.shape), level)
            place += level.size


@numba.njit
def low_seeds_of(place, factor, shift, shape, blocks):
    """Cells of a volume of one tile along z, y, x, their edge, and two low seeds of each."""
    c, tile = records_of(factor, shift), tile_at((0, 0, 0), shape)
    place_seeds(c, place, tile.middle, False)
    scene = Scene(tile, cell_edge(c, tile), False, 0)
    cells, (z, y, x) = cells_of(tile, scene.edge), tile.middle
    lattice = Lattice(cells, scene.edge, (-z, -y, -x))
    found, _ = low_seeds(c, scene, lattice, marks_of(blocks), share_of(shape, 0, 1), 0)
    return cells, scene.edge, found


@pytest.mark.parametrize("corner", ((0, 0, 0), (7, 0, 7), (7, 7, 7)))
def test_a_cell_that_is_asked_for_far_from_all_seeds_has_a_low_seed(corner):
    """40 seeds in the middle, a corner block alone: without one its cap would be made of what lies in memory there."""
    rng, shape = np.random.default_rng(5), (64, 64, 64)
    seeds, factor = random_seeds(rng, 40, (16, 16, 16))
    blocks = np.zeros((8, 8, 8), bool)
    blocks[corner] = True
    place = np.ascontiguousarray(seeds.position.T) + 24.0
    cells, edge, found = low_seeds_of(place, factor, seeds.offset.astype(np.float32), shape, blocks)
    assert edge <= 16
    z, y, x = (8 * k // edge for k in corner)
    assert found.reshape(*cells, 2)[z, y, x, 0] >= 0


def slabs_along_x(slope, place, offset):
    """Seeds whose d hardly changes but along x."""
    position = np.stack([np.array(place), np.full(len(place), 4.0), np.full(len(place), 4.0)], axis=1)
    return Given(position, np.array(slope)[:, None, None] ** 2 * np.diag([1.0, 1e-6, 1e-6]), np.array(offset))


@pytest.mark.parametrize("norm", ("unsquared", "squared"))
def test_a_grain_does_not_come_back_behind_its_neighbour(norm):
    """Along x the grain 0 has seed 1 behind it, and seed 2 behind that: with 0 and 1 alone 0 would win where 2 does."""
    offset = [0.0, 3.0, 33.0] if norm == "unsquared" else [0.0, 12.0, 1036.0]
    seeds, grid = slabs_along_x([0.1, 1.0, 1.0], [4.0, 16.0, 48.0], offset), Grid((0, 0, 0), (8, 8, 64), 1.0)
    points = np.stack([np.arange(64) + 0.5, np.full(64, 4.5), np.full(64, 4.5)], axis=1)
    d = distances(seeds, points, norm == "squared")
    winner = d.argmin(1)
    assert set(winner.tolist()) == {0, 1, 2} and d[:, :2].argmin(1)[winner == 2].min() == 0
    halo = Field(seeds, grid, np.ones((1, 1, 8), bool), norm).bounding(np.array([True, False, False]))
    assert halo.tolist() == [False, True, True]


def test_a_grain_does_not_come_back_between_the_last_voxel_centre_and_the_face():
    """Behind seed 1 the grain 0 would be back from x = 63.7 on, where seed 2 wins."""
    seeds, grid = (
        slabs_along_x([0.1, 1.0, 1.0], [4.0, 40.0, 64.0], [0.0, 17.73, 10.0]),
        Grid((0, 0, 0), (8, 8, 64), 1.0),
    )
    points = np.stack([np.array([10.0, 63.5, 63.9]), np.full(3, 4.5), np.full(3, 4.5)], axis=1)
    d = distances(seeds, points, False)
    assert d.argmin(1).tolist() == [0, 2, 2] and d[:, :2].argmin(1).tolist() == [0, 1, 0]
    halo = Field(seeds, grid, np.ones((1, 1, 8), bool)).bounding(np.array([True, False, False]))
    assert halo.tolist() == [False, True, True]


def test_a_grain_that_comes_back_is_excluded_by_all_that_win_in_a_leaf():
    """Behind seed 1 lies the wide seed 2, and in the middle of each leaf two narrow ones, which are lower there: these
    two do not exclude the grain 0 from the leaf."""
    narrow = np.arange(38.0, 64.0, 4.0).repeat(2) + np.tile([-0.3, 0.3], 7)
    slope, place = np.r_[0.1, 0.3, 0.05, np.full(14, 10.0)], np.r_[4.0, 16.0, 46.0, narrow]
    seeds, grid = slabs_along_x(slope, place, np.r_[0.0, 3.0, -1.0, np.full(14, 8.0)]), Grid((0, 0, 0), (8, 8, 64), 1.0)
    inner = np.arange(len(place)) == 0
    few = np.flatnonzero(inner | Field(seeds, grid, np.ones((1, 1, 8), bool)).bounding(inner))
    points = np.stack([np.linspace(0.0, 64.0, 1281), np.full(1281, 4.5), np.full(1281, 4.5)], axis=1)
    d = distances(seeds, points, False)
    np.testing.assert_array_equal(few[d[:, few].argmin(1)] == 0, d.argmin(1) == 0)


@pytest.mark.parametrize("corner", [*np.ndindex(2, 2, 2)])
def test_a_grain_within_one_eighth_of_a_leaf_bounds_the_one_around_it(corner):
    position = np.array([[4.0, 4.0, 4.0], 1.1 + 1.8 * np.array(corner)])
    seeds = Given(position, np.array([0.01, 100.0])[:, None, None] * np.eye(3), np.array([0.0, 3.0]))
    halo = Field(seeds, Grid((0, 0, 0), (8, 8, 8), 1.0), np.ones((1, 1, 1), bool)).bounding(np.array([True, False]))
    assert halo.tolist() == [False, True]
