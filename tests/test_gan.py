"""The stereological GAN, Algorithms 1 and 2: G_net in torch and numba, resuming, and a short closure."""

import dataclasses
import json

import numpy as np
import pytest

from nmcfast.errors import InputError
from nmcfast.sections import cutouts

torch = pytest.importorskip("torch", reason="calibration needs torch: pip install 'nmcfast[train]'")
from nmcfast.arrangement import POISSON, Arrangement, Profile  # noqa: E402
from nmcfast.calibration.grains import gan, nets, seed_pool  # noqa: E402  (torch first, or nothing)
from nmcfast.calibration.grains.moment_fit import MomentFit  # noqa: E402
from nmcfast.calibration.grains.moments import MOMENTS  # noqa: E402
from nmcfast.calibration.grains.start_law import PlainLaw  # noqa: E402

TINY = dataclasses.replace(
    gan.FAST,
    start="torch",
    warm_up=0,
    batch_generator=8,
    batch_discriminator=16,
    score_cutouts=64,
    steps=10,
    epochs=8,
    final_rate=1.0,
    hidden=(32,),
    features=(8, 16, 16),
    dense=16,
    average=0.9,
    learning_rate=3e-3,
    discriminator_rate=2e-3,
)


def radial_section(seed):
    """A 2D GBPD of 3 : 1 radial grains, 0.0216 px⁻² of them: what a fit of a section is."""
    rng = np.random.default_rng(seed)
    position = rng.uniform(-125, 125, (rng.poisson(0.0216 * 250**2), 2))
    diagonal = np.tile([1.0, 9.0], (len(position), 1)) * 40.0
    return cutouts.Section(position, diagonal, rng.uniform(10, 20, len(position)), np.zeros(len(position)), 118.0)


@pytest.fixture(scope="module")
def sections():
    return [radial_section(seed) for seed in range(3)]


def test_torch_and_numba_agree_on_g_net():
    """Same inputs, same markers to 1e-5 of the range, Algorithm 1 line 6."""
    options = dataclasses.replace(gan.FAST, hidden=(60, 64, 64))
    torch.manual_seed(0)
    net = nets.Generator(options)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    inputs = cutouts.draw_seeds(np.array([5.0, 70.0]), 0.0018, np.random.default_rng(0)).inputs
    with torch.no_grad():
        diagonal, offset = net(torch.from_numpy(inputs))
    plain_diagonal, plain_offset = net.numpy()(inputs)
    assert np.abs(diagonal.numpy() - plain_diagonal).max() < 1e-5 * 50
    assert np.abs(offset.numpy() - plain_offset).max() < 1e-5 * 10
    assert offset.numpy().std() > 0.1


def test_the_untrained_net_starts_where_the_options_say():
    torch.manual_seed(1)
    net = nets.Generator(gan.FAST)
    inputs = cutouts.draw_seeds(np.full(4, 40.0), 0.0018, np.random.default_rng(0)).inputs
    diagonal, offset = net(torch.from_numpy(inputs))
    assert diagonal.mean().item() == pytest.approx(gan.FAST.start_diagonal, rel=0.25)
    assert offset.mean().item() == pytest.approx(5.5, abs=0.7)


LAW = PlainLaw(0.6, 0.3, 0.25, 0.8, 3.0, 0.0017, 5.0, 5.5)


def say_moments(monkeypatch, arrangement):
    """Sections are said to have the moments of LAW; a minute is saved, and what G imitates is known."""
    moments = np.zeros(13), np.zeros(13), np.ones(13)
    fit = MomentFit(LAW, arrangement, {}, {}, (), {}, tuple(MOMENTS), *moments, 5.0, 60, ())
    monkeypatch.setattr(gan, "fit_moments", lambda *_args, **_more: fit)
    monkeypatch.setattr(nets, "IMITATION_STEPS", 150)


@pytest.fixture
def known_moments(monkeypatch):
    say_moments(monkeypatch, POISSON)


def test_g_imitates_a_law(monkeypatch):
    """What it misses of each marker's variance, on new seeds, in a third of the steps; an untrained net misses all."""
    monkeypatch.setattr(nets, "IMITATION_STEPS", 500)
    torch.manual_seed(2)
    net = nets.Generator(gan.FAST)
    missed = nets.imitate(net, LAW, gan.FAST, np.random.default_rng(0))
    assert max(missed[name] for name in ("D1", "D2", "D3", "r")) < 0.15
    assert missed["cut_off"] < 0.01
    inputs = cutouts.draw_seeds(np.full(40, 40.0), LAW.mu, np.random.default_rng(1)).inputs
    diagonal, offset = net.numpy()(inputs)
    wanted, wanted_offset = LAW(inputs)
    assert np.log(diagonal).mean(axis=0) == pytest.approx(np.log(wanted).mean(axis=0), abs=0.03)
    assert np.log(diagonal).std(axis=0) == pytest.approx(np.log(wanted).std(axis=0), rel=0.1)
    assert offset.std() == pytest.approx(wanted_offset.std(), rel=0.1)


def test_what_the_start_from_moments_found_is_held(sections, known_moments):
    trainer = gan.Trainer(sections, dataclasses.replace(TINY, start="moments", warm_up=2, steps=3))
    trainer.begin()
    assert trainer.best_row is trainer.start["row"]
    assert (trainer.mu, trainer.start["row"]["epoch"], trainer.start["chi2"]) == (LAW.mu, 0, 5.0)
    for net in (trainer.averaged, trainer.best):
        assert all((a == b).all() for a, b in zip(net.parameters(), trainer.generator.parameters(), strict=True))
    rows = [trainer.epoch() for _ in range(2)]
    assert [row["mu"] for row in rows] == [LAW.mu] * 2
    marks = torch.randn(50, 4, requires_grad=True)
    penalty = trainer.gauge(marks[:, :3].exp(), marks[:, 3])
    held = nets.marker_moments(marks[:, :3].exp(), marks[:, 3]).detach() - trainer.held
    assert penalty.item() == pytest.approx(held.square().sum().item(), rel=1e-5)
    penalty.backward()
    assert (marks.grad != 0).all()


KNOTS = np.linspace(1.0, 0.0, 30)  # in the centre twice as many seeds, and 0.7 of the rim's D along the radius
WIDE = Arrangement(0.8, Profile(90.0, *(np.exp(KNOTS * a).astype(np.float32) for a in (0.7, -0.36, 0.18))))


def test_a_widened_start_is_played_kept_and_resumed(sections, monkeypatch, tmp_path):
    """Cutouts are of the arrangement, D of the soft images has its factors, and a resumed run ends as the whole one."""
    say_moments(monkeypatch, WIDE)
    monkeypatch.setattr(seed_pool, "PARTICLES", 2)
    options = dataclasses.replace(TINY, start="moments", warm_up=1, epochs=2, steps=2)
    whole = gan.calibrate(sections, options, quiet=True)
    assert whole.arrangement is WIDE
    folder = tmp_path / "work"
    gan.calibrate(sections, dataclasses.replace(options, epochs=1, final_rate=1.0), folder, quiet=True)
    resumed = gan.Trainer(sections, options)
    resumed.load(folder)
    assert resumed.arrangement.regularity == 0.8 and resumed.arrangement.profile.end == 90.0
    for name in ("density", "along", "across"):
        assert np.array_equal(getattr(resumed.arrangement.profile, name), getattr(WIDE.profile, name))
    resumed.epoch()
    assert resumed.history[-1] == pytest.approx(whole.history[-1], rel=1e-6)
    seeds, *_ = resumed.draw_fake(6, resumed.mu)
    radius = np.linalg.norm(seeds.position, axis=1)
    assert seeds.factor[:, 0] == pytest.approx(np.exp(-0.36 * np.maximum(1 - radius / 90.0, 0.0)), rel=0.01)
    with torch.no_grad():
        diagonal, _ = resumed.generator(torch.from_numpy(seeds.inputs))
        markers = nets.markers_of(resumed.generator, seeds)
    assert markers.diagonal == pytest.approx(diagonal.numpy() * seeds.factor, rel=1e-5)


def test_the_start_is_kept_if_no_epoch_is_better(sections, known_moments):
    trainer = gan.Trainer(sections, dataclasses.replace(TINY, start="moments", steps=1, epochs=1))
    trainer.begin()
    start = trainer.generator.numpy()
    trainer.start["row"]["score"] = 0.0
    trainer.epoch()
    found = trainer.result()
    assert (found.epoch, found.mu) == (0, LAW.mu)
    assert all((a == b).all() for a, b in zip(found.net.arrays(), start.arrays(), strict=True))


def test_a_resumed_run_keeps_its_start(sections, known_moments, tmp_path):
    options = dataclasses.replace(TINY, start="moments", warm_up=1, epochs=2, steps=2)
    whole = gan.calibrate(sections, options, quiet=True)
    gan.calibrate(sections, dataclasses.replace(options, epochs=0), tmp_path, quiet=True)
    assert json.loads((tmp_path / "start.json").read_text()) == whole.start
    resumed = gan.calibrate(sections, options, tmp_path, quiet=True)
    assert (resumed.start, resumed.history, resumed.row) == (whole.start, whole.history, whole.row)


def test_one_hot_and_rounded_images():
    label = np.array([[[0, 1], [2, 2]]], np.int32)
    image = np.array([[[[0.9, 0.3], [0.0, 0.2]], [[0.1, 0.36], [0.1, 0.1]]]], np.float32)
    cut = cutouts.Cutouts(image, label, np.array([[0, 1]], np.int32))
    assert nets.rounded(cut).tolist() == [[[[1, 0], [0, 0]], [[0, 0], [0, 0]]]]
    assert nets.one_hot(cut).tolist() == [[[[1, 0], [0, 0]], [[0, 1], [0, 0]]]]


@pytest.mark.parametrize("straight_through", [False, True])
def test_the_gradient_reaches_g_and_is_that_of_the_soft_image(straight_through):
    options = dataclasses.replace(TINY, straight_through=straight_through)
    torch.manual_seed(0)
    net = nets.Generator(options)
    distance = np.array([30.0, 60.0])
    seeds, grids = cutouts.draw_seeds(distance, 0.0018, np.random.default_rng(1)), cutouts.radial_grids(distance)
    diagonal, offset = net(torch.from_numpy(seeds.inputs))
    image = nets.SoftImage.apply(diagonal, offset, seeds, grids, nets.one_hot if straight_through else None, 12)
    assert (image.detach().unique().numel() == 2) == straight_through
    (image * torch.linspace(0, 1, 32)).sum().backward()
    assert all(p.grad.abs().max() > 0 for p in net.parameters())


def test_normalised_gradients_have_length_one():
    net = torch.nn.Linear(3, 2)
    net(torch.ones(1, 3)).square().sum().backward()
    nets.normalise_gradient(net)
    assert sum(p.grad.square().sum().item() for p in net.parameters()) == pytest.approx(1.0)


def test_the_discriminator_rests_at_low_loss(sections):
    trainer = gan.Trainer(sections, dataclasses.replace(TINY, skip_loss=1e9))
    before = [p.clone() for p in trainer.discriminator.parameters()]
    assert trainer.discriminator_step()["skipped"] == 1.0
    assert all((a == b).all() for a, b in zip(before, trainer.discriminator.parameters(), strict=True))


def test_mu_follows_eq_13(sections):
    trainer = gan.Trainer(sections, dataclasses.replace(TINY, steps=1, mu_rate=0.0))
    trainer.begin()
    row = trainer.epoch()
    assert trainer.mu == pytest.approx(row["mu"] * (0.5 + 0.5 * row["grains_real"] / row["grains_fake"]))


def test_mu_may_follow_step_by_step(sections):
    trainer = gan.Trainer(sections, dataclasses.replace(TINY, steps=2, mu=0.003, mu_rate=0.1))
    rows = [trainer.step() for _ in range(2)]
    wanted = 0.003 * np.prod([(row["grains_real"] / row["grains_fake"]) ** 0.1 for row in rows])
    assert trainer.mu == pytest.approx(wanted)
    assert trainer.mu < 0.003


def test_a_mu_that_follows_by_the_step_is_averaged_as_g_is(sections):
    trainer = gan.Trainer(sections, dataclasses.replace(TINY, steps=1, mu=0.003, mu_rate=0.1))
    trainer.begin()
    wanted = 0.003
    for _ in range(3):
        row = trainer.epoch()
        wanted += (1 - TINY.average) * (trainer.mu - wanted)
        assert row["mu"] == pytest.approx(wanted)
    assert trainer.mu < row["mu"] < 0.003


def test_the_discriminator_sees_as_many_channels_as_asked(sections):
    trainer = gan.Trainer(sections, dataclasses.replace(TINY, seen=20))
    assert trainer.discriminator[0].in_channels == 20
    image = torch.zeros(2, 20, 32, 32)
    image[:, 19, 8:16, 8:16] = 1.0
    low = np.zeros(2)
    assert (trainer.judge(image, low) != trainer.judge(torch.zeros_like(image), low)).all()


def test_the_first_mu_is_soon_forgotten(sections):
    """A quarter of the distance between two starts is left after 80 steps at most."""
    ends = []
    for mu in (0.0014, 0.0023):
        trainer = gan.Trainer(sections, dataclasses.replace(TINY, mu=mu, mu_rate=0.1, epochs=8))
        trainer.begin()
        while not trainer.finished():
            trainer.epoch()
        ends.append(trainer.mu)
    assert abs(np.log(ends[1] / ends[0])) < 0.25 * np.log(0.0023 / 0.0014)


@pytest.mark.parametrize(
    "change",
    [{}, {"objective": "maximise"}, {"seen": 16, "mu_rate": 0.03}, {"warm_up": 3}],
    ids=["fast", "maximise", "seen", "warm_up"],
)
def test_a_resumed_run_equals_an_uninterrupted_one(sections, tmp_path, change):
    options = dataclasses.replace(TINY, epochs=2, steps=2, final_rate=1.0, **change)
    whole = gan.calibrate(sections, options, quiet=True)
    gan.calibrate(sections, dataclasses.replace(options, epochs=1), tmp_path, quiet=True)
    resumed = gan.calibrate(sections, options, tmp_path, quiet=True)
    assert resumed.history == whole.history
    assert all((a == b).all() for a, b in zip(resumed.net.arrays(), whole.net.arrays(), strict=True))
    assert json.loads((tmp_path / "history.json").read_text()) == whole.history
    names, *rows = [line.split(",") for line in (tmp_path / "history.csv").read_text().splitlines()]
    assert names == list(whole.history[0]) and len(rows) == 2
    assert [float(v) for v in rows[1]] == pytest.approx(list(whole.history[1].values()), rel=1e-8)


def test_other_options_and_too_few_sections_are_refused(sections, tmp_path):
    gan.calibrate(sections, dataclasses.replace(TINY, epochs=1, steps=1), tmp_path, quiet=True)
    with pytest.raises(InputError, match="other options"):
        gan.calibrate(sections, dataclasses.replace(TINY, epochs=1, steps=2), tmp_path, quiet=True)
    with pytest.raises(InputError, match="found 1"):
        gan.calibrate(sections[:1], TINY)
    with pytest.raises(InputError, match=r"objective: found 'win', expected one of minimise, maximise"):
        dataclasses.replace(TINY, objective="win")


def test_a_damaged_state_is_refused(sections, tmp_path):
    options = dataclasses.replace(TINY, epochs=1, steps=1)
    gan.calibrate(sections, options, tmp_path, quiet=True)
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a whole state"):
        gan.calibrate(sections, options, tmp_path, quiet=True)


@pytest.mark.parametrize("keep", ["best", "last"])
def test_what_is_kept(sections, keep):
    trainer = gan.Trainer(sections, dataclasses.replace(TINY, epochs=2, steps=1, keep=keep))
    trainer.begin()
    trainer.epoch()
    trainer.history[0]["score"] = 0.0  # none will be better
    trainer.epoch()
    found = trainer.result()
    assert (found.epoch, found.mu) == ((1, 0.0018) if keep == "best" else (2, trainer.history[1]["mu"]))
    wanted = trainer.best if keep == "best" else trainer.averaged
    assert all((a == b).all() for a, b in zip(found.net.arrays(), wanted.numpy().arrays(), strict=True))


def test_short_training_finds_the_radial_elongation(sections):
    """A loose but real bar: the untrained and any isotropic G have mean α near π/4, elongation below 2.1."""
    trainer = gan.Trainer(sections, TINY)
    trainer.begin()
    untrained = trainer.start["row"]
    while not trainer.finished():
        trainer.epoch()
    best = trainer.best_row
    assert untrained["mean_alpha"] > 0.7
    assert best["mean_alpha"] < 0.6
    assert best["score"] < 0.7 * untrained["score"]


def test_misplaced_pixels_stay_near_and_keep_all_channels_together():
    image = torch.zeros(2, 3, 32, 32)
    image[:, 0], image[:, 1] = torch.arange(32.0), torch.arange(32.0)[:, None]  # x and y of each pixel
    image[:, 2] = image[:, 0] + 100 * image[:, 1]
    moved = nets.misplaced(image, 1, np.random.default_rng(0))
    assert (moved[:, :2] - image[:, :2]).abs().max() == 1
    assert (moved[:, 2] == moved[:, 0] + 100 * moved[:, 1]).all()
    assert (moved[:, :2] != image[:, :2]).any(dim=1).float().mean() > 0.8  # 8 of 9 places are others
    assert nets.misplaced(image, 0, np.random.default_rng(0)) is image
