"""kernels/gnet.py: frames of Eq. (12), metrics, inputs and forward pass of G_net against float64 NumPy."""

from itertools import pairwise

import naive_particle as naive
import numpy as np
import pytest

from nmcfast import load_model
from nmcfast.errors import InputError
from nmcfast.kernels import gnet, neighbours
from nmcfast.markers import MarkerNet, frames, input_count, metrics
from nmcfast.seeds import SeedPattern

RNG = np.random.default_rng(1)
MODEL = load_model("nmc811")


def test_frames_equal_the_formula():
    s, gamma = RNG.normal(size=(50, 3)), RNG.uniform(0, np.pi, 50)
    for one, point, angle in zip(frames(s, gamma), s, gamma, strict=True):
        assert np.allclose(one, naive.frame(point, angle), atol=1e-14)


@pytest.mark.parametrize(
    "s",
    [(-1, 0, 0), (0, 0, 0), (-1, 1e-300, 0), (-1, 1e-9, -1e-9), (1, 0, 0), (0, 1e8, 0), (0, 0, -1e-9)],
)
def test_frames_are_rotations_that_take_the_radius_to_the_first_axis(s):
    s = np.array(s, float)
    (q,) = frames(s[None], np.array([1.1]))
    assert np.allclose(q @ q.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(q) == pytest.approx(1.0)
    if s.any():
        assert np.allclose(q @ s / np.linalg.norm(s), [1, 0, 0], atol=1e-8)


def test_metrics_stretch_along_the_radius():
    s, gamma = RNG.normal(size=(20, 3)), RNG.uniform(0, np.pi, 20)
    frame, diagonal = frames(s, gamma), RNG.uniform(0, 5, (20, 3))
    m = metrics(frame, diagonal)
    assert np.allclose(m, np.einsum("nca,nc,ncb->nab", frame, diagonal, frame))
    assert np.array_equal(m, m.transpose(0, 2, 1))
    u = s / np.linalg.norm(s, axis=1)[:, None]
    assert np.allclose(np.einsum("na,nab,nb->n", u, m, u), diagonal[:, 0])


def inputs_of(points, noise, with_radius, with_noise):
    index, _ = neighbours.nearest_serial(points, np.arange(len(points)), 12)
    frame = frames(points, RNG.uniform(0, np.pi, len(points)))
    out = np.empty((len(points), 60 + with_radius + 2 * with_noise), np.float32)
    gnet.net_inputs(points, noise, np.arange(len(points)), index, frame, with_radius, with_noise, out)
    return out, index, frame


def test_inputs_are_rotated_displacements_and_noises_in_order_of_distance():
    points, noise = RNG.uniform(-20, 20, (80, 3)), RNG.random((80, 2))
    out, index, frame = inputs_of(points, noise, True, True)
    for i in range(80):
        rotated = (points[index[i]] - points[i]) @ frame[i].T
        assert np.allclose(out[i, :60].reshape(12, 5)[:, :3], rotated, atol=1e-4)
        assert np.allclose(out[i, :60].reshape(12, 5)[:, 3:], noise[index[i]])
    assert np.allclose(out[:, 60], np.linalg.norm(points, axis=1))
    assert np.allclose(out[:, 61:], noise)


def test_inputs_do_not_see_where_the_particle_is_turned():
    points, noise = RNG.uniform(-20, 20, (60, 3)), RNG.random((60, 2))
    turn, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
    a, *_ = inputs_of(points, noise, False, False)
    b, *_ = inputs_of(points @ turn.T, noise, False, False)
    assert np.allclose(a.reshape(60, 12, 5)[:, :, 0], b.reshape(60, 12, 5)[:, :, 0], atol=1e-4)  # along the radius


def test_forward_equals_float64():
    inputs = RNG.normal(size=(300, 60)).astype(np.float32) * 10
    diagonal, offset = MODEL.grains.net(inputs)
    wanted = naive.net(inputs.astype(float), MODEL.grains.net)
    found = np.column_stack([diagonal, offset])
    # float32 sums of 60 terms: the outputs span 50, one part in 10⁵ of it
    assert np.abs(found - wanted).max() < 5e-4
    assert (found >= MODEL.grains.net.low).all() and (found <= MODEL.grains.net.high).all()


def test_forward_saturates_at_its_range():
    net = MODEL.grains.net
    loud = MarkerNet(
        net.weights,
        (*net.biases[:2], np.array([1e4, -1e4, 0, 1e4], np.float32)),
        net.shift,
        net.scale,
        net.low,
        net.high,
    )
    diagonal, offset = loud(np.zeros((1, 60), np.float32))
    assert diagonal[0, 0] == 50 and diagonal[0, 1] == 0 and offset[0] == 10


@pytest.mark.parametrize(("with_radius", "with_noise"), [(False, False), (True, True), (False, True)])
@pytest.mark.parametrize("count", [1, 16, 37])
def test_marks_of_a_pattern_equal_inputs_then_forward(with_radius, with_noise, count):
    """`mark` forms its inputs in float32; `net_inputs` in float64: they agree to 10⁻⁵ of the range of the outputs."""
    widths = [input_count(with_radius, with_noise), 10, 7, 4]
    rng = np.random.default_rng(count)
    weights = tuple(rng.normal(size=pair).astype(np.float32) / 3 for pair in pairwise(widths))
    biases = tuple(rng.normal(size=n).astype(np.float32) for n in widths[1:])
    shift, scale = rng.normal(size=widths[0]).astype(np.float32), rng.uniform(0.1, 0.2, widths[0]).astype(np.float32)
    net = MarkerNet(
        weights, biases, shift, scale, np.zeros(4, np.float32), np.full(4, 50.0, np.float32), with_radius, with_noise
    )
    table = np.zeros((60, 8), np.float32)
    table[:, :6] = rng.uniform(-1, 1, (60, 6)) * [2, 2, 2, 1, 1, 0] + [0, 0, 0, 0, 0, 1]
    table[:, 5] = rng.uniform(0, np.pi, 60)
    table[3, :3], table[4, :3] = 0.0, (-1.5, 0.0, 0.0)
    place = table[:, :3].astype(float)
    inner = np.sort(rng.permutation(60)[:count])
    index = neighbours.nearest_serial(place, np.arange(60), 12)[0][inner]
    pattern = SeedPattern(table, inner, index.astype(np.int32))
    inputs = np.empty((count, widths[0]), np.float32)
    frame = frames(pattern.position[inner], pattern.angle[inner])
    gnet.net_inputs(place / 0.05, pattern.noise, inner, index, frame, with_radius, with_noise, inputs)
    wanted, offset = net(inputs)
    found, r = net.mark(pattern, 0.05)
    assert np.abs(found - wanted).max() < 5e-4 and np.abs(r - offset).max() < 5e-4
    assert np.allclose(np.column_stack([wanted, offset]), naive.net(inputs.astype(float), net), atol=5e-4)


@pytest.mark.parametrize("part", ["weights", "biases", "shift", "low"])
def test_a_net_that_does_not_fit_together_is_refused(part):
    net = MODEL.grains.net
    broken = {name: getattr(net, name) for name in ("weights", "biases", "shift", "scale", "low", "high")}
    broken[part] = (
        (net.weights[0][:, :-1], *net.weights[1:])
        if part == "weights"
        else ((net.biases[0][:-1], *net.biases[1:]) if part == "biases" else broken[part][:-1])
    )
    with pytest.raises(InputError, match="G_net"):
        MarkerNet(**broken)
