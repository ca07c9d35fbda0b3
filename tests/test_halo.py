"""kernels/gbpd/halo.py: grains and their halo alone give the grains at every point of space, as all seeds would."""

import numpy as np
import pytest
from naive_particle import distance

from nmcfast.tessellation import Field, Grid, Seeds

GRID = Grid((-12, -12, -12), (24, 24, 24), 1.0)


def seeds_of(kind, rng):
    n = 200
    position = rng.uniform(-20, 20, (n, 3))
    diagonal, offset = rng.uniform(0.5, 5.0, (n, 3)), rng.uniform(1, 4, n)
    if kind == "singular":
        diagonal[:, 0] = 0.0
    if kind == "no offset":
        offset[:] = 0.0
    if kind == "needles":  # they come back behind their neighbours when those are left out
        diagonal[:, 0] *= 0.01
        offset *= 3.0
    if kind == "one seed":
        position, diagonal, offset = position[:1], diagonal[:1], offset[:1]
    return Seeds(position, diagonal, offset, rng.uniform(0, np.pi, len(offset)))


@pytest.mark.parametrize("norm", ["unsquared", "squared"])
@pytest.mark.parametrize("kind", ["random", "singular", "no offset", "needles", "one seed"])
def test_inner_grains_need_no_other_seeds(kind, norm):
    rng = np.random.default_rng(7)
    for _ in range(5):
        seeds = seeds_of(kind, rng)
        inner = np.linalg.norm(seeds.position, axis=1) < 9
        inner[0] = True
        halo = Field(seeds, GRID, norm=norm).bounding(inner)
        assert not (halo & inner).any()
        points = rng.uniform(-12, 12, (4000, 3))
        d = distance(seeds.position, seeds.metric, np.zeros(len(seeds)), points)
        d = (d**2 if norm == "squared" else d) - seeds.offset
        winner = d.argmin(axis=1)
        few = np.flatnonzero(inner | halo)
        among_few = few[d[:, few].argmin(axis=1)]
        ours = inner[winner] | inner[among_few]  # won by a grain, or seemingly so without the others
        assert ours.any()
        close = np.sort(d, axis=1)[:, :2]
        tie = np.diff(close, axis=1)[:, 0] < 1e-5 if len(seeds) > 1 else np.zeros(len(points), bool)
        assert np.array_equal(winner[ours & ~tie], among_few[ours & ~tie])


def test_only_seeds_near_the_inner_grains_are_marked():
    rng = np.random.default_rng(8)
    seeds = seeds_of("random", rng)
    inner = np.linalg.norm(seeds.position, axis=1) < 7
    halo = Field(seeds, GRID).bounding(inner)
    assert 0 < halo.sum() < (~inner).sum()
    assert not Field(seeds, GRID).bounding(np.ones(len(seeds), bool)).any()


def test_a_grain_that_would_come_back_behind_its_neighbour_is_kept_away():
    """Along x the first wins up to −4.5, the second to 3.5, then the third; without it the first again, from 5.6 on."""
    position = np.array([[-10.0, 0.0, 0.0], [0.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
    diagonal = np.array([[0.01, 9.0, 9.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    seeds = Seeds(position, diagonal, np.array([0.0, 4.0, 6.0]), np.zeros(3))
    assert Field(seeds, GRID).bounding(np.array([True, False, False])).tolist() == [False, True, True]
