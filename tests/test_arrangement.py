"""Seeds that keep away from each other and change with |s|: against plain loops, and the same in every window."""

import dataclasses

import numpy as np
import pytest
from naive_arrangement import displaced, function_at
from scipy.spatial import cKDTree

from nmcfast import generate_particle, load_model, overlay
from nmcfast.arrangement import DEPENDS, FARTHEST, PASSES, POISSON, REACH, Arrangement, Profile
from nmcfast.errors import InputError
from nmcfast.model import FORMAT, WIDER, Model, model_from_bytes
from nmcfast.seeds import cell_side, draw_arranged, draw_pattern
from nmcfast.shells.shell import draw_shell

MODEL = load_model("nmc811")
LAW = MODEL.grains
MU, PIXEL = LAW.mu, LAW.pixel_um
RAMP = np.linspace(1.0, 0.0, 60)
PROFILE = Profile(
    100.0, *(np.exp(RAMP * np.log(rise)).astype(np.float32) for rise in (3.0, 2.0, 0.6))
)  # a dense, round core
LAWS = {
    "regular": Arrangement(0.8),
    "profile": Arrangement(0.0, PROFILE),
    "both": Arrangement(1.2, PROFILE),
}


def arranged_model(name):
    return dataclasses.replace(MODEL, grains=dataclasses.replace(LAW, arrangement=LAWS[name]))


def pattern_of(name, first, shape, seed=3):
    """Seeds of a box of cells."""
    law = LAWS[name]
    return draw_arranged(np.ones(shape, bool), np.array(first), MU, PIXEL, seed, 5, 12, law)


@pytest.mark.parametrize("name", ["regular", "both"])
def test_seeds_are_moved_as_the_definition_says(name):
    law = LAWS[name]
    rng = np.random.default_rng(0)
    position = rng.uniform(-30, 45, (700, 3))
    density, end = (PROFILE.density, PROFILE.end) if law.profile else ((1.0, 1.0), 1.0)
    wanted = displaced(position, MU, law.regularity, density, end)
    assert np.allclose(law.displaced(position, MU), wanted, rtol=0, atol=1e-9)
    in_um = law.displaced(position * PIXEL, MU, PIXEL)
    assert np.allclose(in_um, wanted * PIXEL, rtol=0, atol=1e-9)
    assert np.abs(wanted - position).max() > 1.0


def test_a_crowded_seed_moves_no_farther_than_the_bound():
    """Twenty seeds on one side of another push it by far more than they may."""
    rng = np.random.default_rng(1)
    spacing = float(np.float32(MU ** (-1 / 3)))
    crowd = np.array([2.0, 0.0, 0.0]) + rng.uniform(-1, 1, (20, 3))
    position = np.concatenate([[[0.0, 0.0, 0.0]], crowd])
    once = displaced(position, MU, 1.5)
    assert np.allclose(Arrangement(1.5).displaced(position, MU), once, atol=1e-9)
    assert 1.5 * FARTHEST * spacing < np.linalg.norm(once[0]) <= PASSES * FARTHEST * spacing + 1e-9


def test_profiles_are_linear_between_knots_and_constant_beyond():
    rng = np.random.default_rng(2)
    position = np.concatenate([rng.uniform(-90, 90, (500, 3)), np.zeros((1, 3))])
    radius = np.linalg.norm(position, axis=1)
    assert (radius > PROFILE.end).any()
    found = PROFILE.at(position * PIXEL, PIXEL, PROFILE.density, PROFILE.across)
    wanted = np.stack([function_at(radius, 100.0, PROFILE.density), function_at(radius, 100.0, PROFILE.across)], axis=1)
    assert np.allclose(found, wanted, rtol=1e-12)
    diagonal = rng.uniform(1, 5, (len(radius), 3)).astype(np.float32)
    factor = np.stack([function_at(radius, 100.0, PROFILE.along)] + [wanted[:, 1]] * 2, axis=1)
    assert np.allclose(LAWS["both"].stretched(diagonal, position), diagonal * factor, rtol=1e-6)
    assert POISSON.stretched(diagonal, position) is diagonal


@pytest.mark.parametrize("name", list(LAWS))
def test_seeds_are_the_same_in_every_window_to_the_bit(name):
    """What a small window draws are rows of a larger one, with their neighbours; ends of cells do not matter."""
    small, large = pattern_of(name, (-1, 0, -2), (2, 1, 3)), pattern_of(name, (-4, -2, -4), (8, 5, 7))
    side = cell_side(MU * LAWS[name].densest) * PIXEL
    place = large.position[large.inner]
    low = np.array([-1, 0, -2]) * side
    there = ((place >= low) & (place < low + np.array([2, 1, 3]) * side)).all(axis=1)
    assert 30 < there.sum() == len(small.inner)
    assert np.array_equal(large.table[large.inner[there]], small.table[small.inner])
    assert np.array_equal(large.table[large.neighbour[there]], small.table[small.neighbour])


@pytest.mark.parametrize("name", list(LAWS))
def test_seeds_and_neighbours_of_a_window_are_those_of_the_whole_process(name):
    """Poisson seeds of a wide box, thinned and moved by the definition; neighbours by a tree."""
    law, found = LAWS[name], pattern_of(name, (0, 0, -1), (1, 2, 1))
    rings = 4 if law.profile else 3  # cells of a process as dense as the core are small
    mask, first = np.ones((2 * rings + 1, 2 * rings + 2, 2 * rings + 1), bool), np.array([0, 0, -1]) - rings
    wide = draw_arranged(mask, first, MU, PIXEL, 3, 5, 12, Arrangement(0.0, law.profile))
    rows = np.flatnonzero(np.isin(np.arange(len(wide.table)), wide.inner))
    density, end = (PROFILE.density, PROFILE.end) if law.profile else ((1.0, 1.0), 1.0)
    place = wide.position[rows] / PIXEL
    if law.regularity:
        place = displaced(place, MU, law.regularity, density, end)
    own = found.position[found.inner] / PIXEL
    tree = cKDTree(place)
    apart, match = tree.query(own)
    assert len(own) > 5 and apart.max() < 1e-4 and len(set(match)) == len(own)
    side = cell_side(MU * law.densest)
    low, high = np.array([0, 0, -1]) * side, np.array([1, 2, 0]) * side
    assert len(own) == ((place >= low) & (place < high)).all(axis=1).sum()
    assert np.array_equal(found.table[found.inner][:, 3:6], wide.table[rows[match]][:, 3:6])
    nearest = tree.query(place[match], 13)[1][:, 1:]
    beside = found.position[found.neighbour] / PIXEL
    assert np.abs(beside - place[nearest]).max() < 1e-4


def test_a_lonely_seed_finds_its_neighbours_farther_out():
    """With 60 neighbours the first rings hold too few: more are drawn until all are certain."""
    mask, first = np.ones((1, 1, 1), bool), np.zeros(3, int)
    found = draw_arranged(mask, first, MU, PIXEL, 3, 5, 150, LAWS["regular"])
    wide = draw_arranged(np.ones((9, 9, 9), bool), first - 4, MU, PIXEL, 3, 5, 1, LAWS["regular"])
    own, place = found.position[found.inner], wide.position[wide.inner]
    nearest = cKDTree(place).query(own, 151)[1][:, 1:]
    assert np.array_equal(found.position[found.neighbour], place[nearest])


def test_density_follows_the_profile():
    """2,700 seeds a shell on average: five standard errors of a count."""
    found = pattern_of("profile", (-10, -10, -10), (20, 20, 20))
    radius = np.linalg.norm(found.position[found.inner], axis=1) / PIXEL
    edges = np.linspace(0, 100, 6)
    count = np.histogram(radius, edges)[0]
    fine = np.linspace(0, 100, 2001)
    middle = 0.5 * (fine[1:] + fine[:-1])
    expected = MU * 4 * np.pi * middle**2 * function_at(middle, 100.0, PROFILE.density) * (fine[1] - fine[0])
    wanted = np.histogram(middle, edges, weights=expected)[0]
    assert (np.abs(count - wanted) < 5 * np.sqrt(wanted)).all()
    assert wanted[0] / (4 / 3 * np.pi * 20**3) > 2.3 * MU


def test_regular_seeds_lie_more_evenly():
    """Mean distance to the nearest over its variation, the more regular the larger; no seed is lost."""
    spread, count = [], []
    for c in (0.0, 0.4, 0.8):
        found = draw_arranged(np.ones((6, 6, 6), bool), np.full(3, -3), MU, PIXEL, 3, 5, 12, Arrangement(c))
        apart = cKDTree(found.position).query(found.position[found.inner], 2)[0][:, 1] / PIXEL * MU ** (1 / 3)
        spread.append(apart.std() / apart.mean())
        count.append(len(found.inner))
    assert spread[0] > 0.33 > spread[1] > 0.17 > spread[2]
    assert max(count) - min(count) < 0.1 * min(count)


def test_an_arrangement_of_nothing_is_the_papers_process():
    mask, first = np.ones((2, 3, 2), bool), np.array([-1, 0, 1])
    paper = draw_pattern(mask, first, MU, PIXEL, 3, 5, 12)
    ours = draw_arranged(mask, first, MU, PIXEL, 3, 5, 12, POISSON)
    assert np.array_equal(ours.table[ours.inner], paper.table[paper.inner])
    assert np.array_equal(ours.table[ours.neighbour], paper.table[paper.neighbour])


@pytest.mark.parametrize("name", list(LAWS))
def test_particles_do_not_depend_on_what_is_drawn_around_them(name):
    """Wider margins give the same grains; without the arrangement they are others."""
    law = arranged_model(name).grains
    shell, _ = draw_shell(MODEL.shell, 1, 2)
    found = overlay.overlay(law, shell, 1, 2)
    wide = overlay.overlay(dataclasses.replace(law, reach=2.0 * law.reach, extent=1.5 * law.extent), shell, 1, 2)
    for field in ("position", "diagonal", "offset", "angle", "centroid", "volume"):
        assert np.array_equal(getattr(found.grains, field), getattr(wide.grains, field))
    assert len(found.grains) > 20
    assert not np.array_equal(found.grains.diagonal, overlay.overlay(LAW, shell, 1, 2).grains.diagonal)


@pytest.mark.parametrize("name", list(LAWS))
def test_model_files_keep_an_arrangement(name):
    model = arranged_model(name)
    data = model.to_bytes()
    again = model_from_bytes(data, "file")
    assert again.to_bytes() == data and WIDER.encode() in data
    assert again.grains.arrangement.regularity == LAWS[name].regularity
    one, other = generate_particle(model, 2, 1), generate_particle(again, 2, 1)
    assert np.array_equal(one.grains.position, other.grains.position)
    assert np.array_equal(one.grains.diagonal, other.grains.diagonal)


def test_files_of_plain_models_are_as_they_were():
    data = MODEL.to_bytes()
    assert FORMAT.encode() in data and b"regularity" not in data and b"profile_end" not in data
    assert model_from_bytes(data, "file").grains.arrangement.plain


def test_wrong_arrangements_are_refused():
    bad = np.ones(3, np.float32)
    with pytest.raises(InputError, match=r"grains.regularity: found 2.0, expected 0 to 1.5"):
        Arrangement(2.0)
    with pytest.raises(InputError, match=r"grains.regularity: found nan"):
        Arrangement(float("nan"))
    with pytest.raises(InputError, match="along has shape"):
        Profile(10.0, bad, np.ones(2, np.float32), bad)
    with pytest.raises(InputError, match=r"density has a value outside 0.001 to 1000"):
        Profile(10.0, np.zeros(3, np.float32), bad, bad)
    with pytest.raises(InputError, match=r"ends at 0.0 pixels"):
        Profile(0.0, bad, bad, bad)
    lacking = Model("m", MODEL.shell, arranged_model("profile").grains, {}).to_bytes()
    with pytest.raises(InputError, match="profile_end is missing"):
        model_from_bytes(lacking.replace(b"profile_end", b"profile_enx"), "file")


def test_an_arrangement_says_what_it_is():
    assert str(POISSON) == "Poisson seeds" and str(LAWS["regular"]) == "seeds of regularity 0.8"
    assert str(LAWS["profile"]) == "seeds of regularity 0, density and elongation by |s| out to 100 pixels"


def test_bounds_of_what_a_seed_depends_on():
    assert DEPENDS == PASSES * (REACH + FARTHEST)
    assert LAWS["regular"].moves(MU) == pytest.approx((REACH + 2 * FARTHEST) * MU ** (-1 / 3), rel=1e-6)
    assert Arrangement(0.0, PROFILE).depends(MU) == 0.0
    assert LAWS["regular"].depends(MU) == pytest.approx(DEPENDS * MU ** (-1 / 3), rel=1e-6)
    assert LAWS["both"].widest(MU) == pytest.approx(MU ** (-1 / 3), rel=1e-6)
