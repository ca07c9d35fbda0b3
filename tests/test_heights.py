"""Sections that do not pass through the particle's centre: their heights, read, simulated, fitted and told to D."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from nmcfast.arrangement import Arrangement, Profile
from nmcfast.calibration.grains import reference, templates
from nmcfast.calibration.grains.heights import evenly, read_heights, scatter
from nmcfast.calibration.grains.moment_fit import fit_moments
from nmcfast.calibration.grains.moment_search import Search
from nmcfast.calibration.grains.moments import MOMENTS, section_moments
from nmcfast.calibration.grains.start_law import NUMBERS, PlainLaw
from nmcfast.errors import InputError
from nmcfast.sections import cutouts

LAW = PlainLaw(0.9, 0.2, 0.2, 0.5, 2.0, 0.0025, 5.0, 5.5)
CHANGING = Arrangement(0.6, Profile(90.0, *(np.linspace(a, 1.0, 91).astype(np.float32) for a in (2.0, 0.4, 1.6))))
HEIGHTS = np.array([20.0, 40.0, 60.0])
FILES = [Path("maps/a.ang"), Path("maps/b.ang")]


def test_a_table_of_heights(tmp_path):
    path = tmp_path / "heights.csv"
    path.write_text("﻿file, height_um, note\n\nmaps/a.ang, -1.5, cut 3\n")
    assert read_heights(path, FILES) == {"a.ang": 1.5}
    path.write_text("height_um,file\n0,b.ang\n2e0,a.ang\n")
    assert read_heights(path, FILES) == {"b.ang": 0.0, "a.ang": 2.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column file; the first line must name file and height_um"),
        ("file,height\na.ang,1\n", "no column height_um"),
        ("file,height_um\nc.ang,1\n", r"line 2: file 'c.ang' is none of the sections"),
        ("file,height_um\na.ang,1\na.ang,1\n", "line 3: file 'a.ang' stands twice"),
        ("file,height_um\na.ang,high\n", "line 2: height_um is 'high', expected a number"),
        ("file,height_um\na.ang,nan\n", "line 2: height_um is 'nan'"),
        ("file,height_um\na.ang\n", "'a.ang' has 1 columns, the first line 2"),
    ],
)
def test_tables_that_say_something_else_are_refused(tmp_path, text, said):
    path = tmp_path / "heights.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=f"heights.csv: {said}"):
        read_heights(path, FILES)


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a file; --heights takes a table"):
        read_heights(tmp_path, FILES)
    (tmp_path / "a").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a table of text"):
        read_heights(tmp_path / "a", FILES)
    (tmp_path / "large").write_bytes(b"x" * (2**20 + 1))
    with pytest.raises(InputError, match="1,048,577 bytes"):
        read_heights(tmp_path / "large", FILES)
    with pytest.raises(InputError, match=r"several sections are called a.ang; --heights needs different"):
        read_heights(tmp_path / "a", [Path("x/a.ang"), Path("y/a.ang")])


def test_heights_take_turns_evenly():
    assert evenly(12, np.zeros(5)) == evenly(12, np.full(5, 3.0)) == 12
    assert [evenly(n, np.arange(5.0)) for n in (1, 5, 12, 48)] == [5, 5, 15, 50]


def test_what_the_height_explains_is_no_scatter():
    """600 rows: correlations of what is left are known to 0.04, its variances to 6 %."""
    rng = np.random.default_rng(0)
    heights = np.tile([1.0, 2.0, 4.0, 7.0], 150)
    noise = rng.standard_normal((600, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    rows = noise + np.column_stack([heights, heights**2])
    assert scatter(rows, heights) == pytest.approx(np.cov(noise.T), rel=0.01, abs=0.01)
    assert np.cov(rows.T)[1, 1] > 300
    two = np.tile([1.0, 3.0], 300)
    assert scatter(noise + two[:, None], two) == pytest.approx(np.cov(noise.T), rel=0.01, abs=0.01)
    few = scatter(noise[:8], heights[:8])  # three of eight degrees of freedom went to the height
    left = noise[:8] - np.vander(heights[:8], 3) @ np.linalg.lstsq(np.vander(heights[:8], 3), noise[:8])[0]
    assert few == pytest.approx(left.T @ left / 5)
    assert np.array_equal(scatter(noise, np.full(600, 2.0)), np.cov(noise.T))


def test_cutouts_lie_in_their_planes_among_seeds_about_them():
    distance, height = np.full(3, 30.0), np.array([0.0, 50.0, -80.0])
    assert cutouts.radial_grids(distance, height=height).corner[:, 2].tolist() == height.tolist()
    seeds = cutouts.draw_seeds(distance, LAW.mu, np.random.default_rng(0), height=height)
    reach = 2.0 * LAW.mu ** (-1 / 3)
    assert cutouts.REACH[2] < cutouts.REACH_ABOVE == 2.0
    for k, plane in enumerate(height):
        own = slice(seeds.first[k], seeds.first[k + 1])
        low, high = np.ptp(seeds.position[own], axis=0), seeds.position[own, 2] - plane
        assert (np.abs(high) < reach).all() and np.abs(high).max() > 0.9 * reach and (low[:2] > 30.0).all()
        radial = seeds.position[own] / np.linalg.norm(seeds.position[own], axis=1)[:, None]
        assert np.abs((seeds.frame[own, 0] * radial).sum(axis=1)) == pytest.approx(1.0)


@pytest.mark.parametrize("arrangement", [Arrangement(), CHANGING], ids=["plain", "changing"])
def test_sections_of_templates_are_sections_at_their_height(arrangement):
    """16 sections of 40 px at a height of 40: all moments within 4 standard errors of those of sections drawn anew."""
    rng = np.random.default_rng(1)
    seeds = [templates.draw_template(40, 3 * LAW.mu, rng, 40.0) for _ in range(16)]
    theirs = np.array([section_moments(templates.simulate(LAW, arrangement, 40, t)) for t in seeds])
    drawn = [reference.draw_section(LAW, LAW.mu, 40, rng, 40.0, arrangement=arrangement) for _ in range(16)]
    own = np.array([section_moments(x) for x in drawn])
    error = np.sqrt((theirs.var(axis=0, ddof=1) + own.var(axis=0, ddof=1)) / 16)
    assert (np.abs(theirs.mean(axis=0) - own.mean(axis=0)) < 4 * error).all()
    flat = [dataclasses.replace(t, height=0.0) for t in seeds]
    central = np.array([section_moments(templates.simulate(LAW, arrangement, 40, t)) for t in flat])
    radial = list(MOMENTS).index("mean log elongation · cos 2α")
    assert theirs[:, radial].mean() < central[:, radial].mean() - 8 * error[radial]  # cut aslant, grains look rounder


def test_a_profile_reaches_as_far_as_the_highest_section():
    seeds = [templates.draw_template(12, 0.01, np.random.default_rng(5), height) for height in (5.0, 9.0)]
    labels = [np.ones((24, 24), np.int32)]
    search = Search(labels, MOMENTS, section_moments, seeds, 12, 5.0, 5.5, 0.0025, lambda _: None)
    assert search.farthest == 15 and search.heights.tolist() == [5.0, 9.0]
    wide = {name: number.guess for name, number in NUMBERS.items()}
    wide |= {"core_shape": 0.5, "shape_place": 0.5, "shape_width": 0.5}
    assert search.law(wide)[1].profile.end == 15.0


def test_about_the_middle_of_a_high_plane_seeds_count_from_farther_above(monkeypatch):
    """Grains of 50 : 1 stand on it: boundaries are those of all seeds within reach, and would not be without them."""
    law = dataclasses.replace(LAW, shape=1.95, spread_offset=1.5)
    seeds = templates.draw_template(40, 3 * law.mu, np.random.default_rng(6), 60.0)

    def boundaries():
        labels = templates.simulate(law, Arrangement(), 40, seeds)
        return np.concatenate([np.diff(labels, axis=k).ravel() != 0 for k in (0, 1)])

    found = boundaries()
    monkeypatch.setattr(templates, "FLAT", templates.REACH)
    every = boundaries()
    monkeypatch.setattr(templates, "FLAT", 2.5)
    monkeypatch.setattr(templates, "STEEP", 0.0)
    flat = boundaries()
    assert (found != every).mean() < 0.3 * (flat != every).mean()


def test_a_law_is_found_from_sections_off_centre_when_their_heights_are_told():
    """6 sections of 44 px: elongation within three of the fit's standard errors, and far off where nothing is told."""
    rng = np.random.default_rng(2)
    turns = np.tile(HEIGHTS, 2)
    labels = [reference.draw_section(LAW, LAW.mu, 44, rng, float(h)) for h in turns]
    told = fit_moments(labels, np.random.default_rng(0), 5.0, 5.5, rounds=(6, 12), parts=(), heights=turns)
    silent = fit_moments(labels, np.random.default_rng(0), 5.0, 5.5, rounds=(6,), parts=())
    error = told.uncertainty["shape"]
    assert error < 0.2 and abs(told.law.shape - LAW.shape) < 3 * error and told.chi2 < 40
    assert abs(math.log(told.law.mu / LAW.mu)) < 3 * told.uncertainty["log_mu"]
    assert silent.law.shape < LAW.shape - 0.25


def test_d_is_told_heights_of_the_sections_that_train_and_scores_use_the_others(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="calibration needs torch: pip install 'nmcfast[train]'")
    from test_gan import TINY, radial_section

    from nmcfast.calibration.grains import gan, seed_pool

    sections = [dataclasses.replace(radial_section(k), height=h) for k, h in enumerate((0.0, 40.0, 70.0, 90.0))]
    options = dataclasses.replace(TINY, steps=1, epochs=1)
    trainer = gan.Trainer(sections, options)
    trainer.begin()
    _, grids, height = trainer.draw_fake(200, trainer.mu)
    assert set(height) == {0.0, 40.0, 70.0} and np.array_equal(grids.corner[:, 2], height)
    assert set(trainer.draw_fake(20, trainer.mu, trainer.held_out_heights)[2]) == {90.0}
    assert trainer.discriminator[0].in_channels == options.seen + 1
    image = torch.rand(2, options.seen, 32, 32)
    trainer.discriminator.eval()
    with torch.no_grad():
        low, high = (trainer.judge(image, np.full(2, h)) for h in (0.0, 70.0))
    assert trainer.options.jitter == 1 and not torch.equal(low, high)
    seen, draw = [], trainer.draw_fake
    monkeypatch.setattr(trainer, "draw_fake", lambda count, mu, heights=None: seen.append(heights) or draw(count, mu))
    trainer.score()
    assert len(seen) == 1 and seen[0] is trainer.held_out_heights
    trainer.save(tmp_path)
    with pytest.raises(InputError, match="was trained with other --heights"):
        gan.Trainer([radial_section(k) for k in range(4)], options).load(tmp_path)
    gan.Trainer(sections, options).load(tmp_path)
    monkeypatch.setattr(seed_pool, "PARTICLES", 1)
    pool = seed_pool.SeedPool(CHANGING, LAW.mu, 20.0, np.random.default_rng(3), 60.0)
    seeds = pool.draw(np.array([10.0]), np.random.default_rng(4), np.array([60.0]))
    assert np.abs(seeds.position[:, 2] - 60.0).max() < 2.0 * CHANGING.widest(LAW.mu)
    assert len(seeds.position) > 100 and 40.0 < np.median(seeds.position[:, 2]) < 80.0
