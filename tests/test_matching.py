"""Means of cutouts that G is made to match, against plain loops and on images whose statistics are known."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="calibration needs torch: pip install 'nmcfast[train]'")
from nmcfast import matching  # noqa: E402  (torch first, or nothing)


def naive_features(image):
    """Features of one image (c, s, s), channel by channel, from the pixels' coordinates."""
    size, rows = image.shape[-1], []
    for channel in image:
        y, x = np.nonzero(channel)
        if len(x) < 5:
            rows.append([len(x) / size, (len(x) / size) ** 2, 0, 0, 0, 0])
            continue
        values, vectors = np.linalg.eigh(np.cov(x, y, bias=True) + np.eye(2) / 12)
        long = 0.5 * np.log(values[1] / values[0])
        cosine = vectors[0, 1] ** 2 - vectors[1, 1] ** 2
        rows.append([len(x) / size, (len(x) / size) ** 2, long, long**2, cosine, cosine**2])
    return np.array(rows).T.ravel()


def blobs(count, rng):
    """One-hot images of random ellipses, each pixel in the first that holds it, the last channel empty."""
    y, x = np.mgrid[:32, :32]
    image = np.zeros((count, 5, 32, 32), np.float32)
    for one in image:
        taken = np.zeros((32, 32), bool)
        for channel in one[:4]:
            cx, cy, a, b, t = rng.uniform([6, 6, 3, 1, 0], [26, 26, 8, 3, np.pi])
            u, v = (x - cx) * np.cos(t) + (y - cy) * np.sin(t), (y - cy) * np.cos(t) - (x - cx) * np.sin(t)
            channel[:] = ((u / a) ** 2 + (v / b) ** 2 < 1) & ~taken
            taken |= channel > 0
    return image


def test_features_equal_those_of_a_plain_loop():
    image = blobs(20, np.random.default_rng(0))
    found = matching.features(torch.from_numpy(image)).numpy()
    wanted = np.stack([naive_features(one) for one in image])
    assert np.isfinite(found).all()
    assert np.abs(found - wanted).max() < 0.02  # the root is kept from 0


def test_the_running_mean_finds_a_shift():
    """Half of the first channel is taken away: the error of its mass says so, those of the others say nothing."""
    rng = np.random.default_rng(1)
    match = matching.Matching(matching.features(torch.from_numpy(blobs(600, rng))))
    assert match.error().abs().max() == 0
    for _ in range(40):
        image = torch.from_numpy(blobs(96, rng))
        image[:, 0, ::2] = 0
        match.follow(image)
    arrived = 1 - matching.DECAY**40
    assert match.error()[0].item() == pytest.approx(-0.5 * arrived * (match.real / match.spread)[0].item(), abs=0.1)
    assert match.error()[[1, 2, 3]].abs().max() < 0.25


def test_the_slope_of_the_loss_is_that_of_the_mean_square_error():
    """In a direction that scales all masses, by finite differences of the mean square of the running error."""
    image = torch.from_numpy(blobs(96, np.random.default_rng(2)))
    match = matching.Matching(matching.features(torch.from_numpy(blobs(400, np.random.default_rng(3)))))
    match.running = matching.features(0.9 * image).mean(dim=0)  # as if it had settled there

    def mean_square(factor):
        mean = matching.features(factor * image).mean(dim=0)
        return (((mean - match.real) / match.spread) ** 2).mean().item()

    factor = torch.tensor(0.9, requires_grad=True)
    match.loss(factor * image).backward()
    assert factor.grad.item() == pytest.approx((mean_square(0.901) - mean_square(0.899)) / 0.002, rel=0.02)
