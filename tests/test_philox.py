"""kernels/philox.py: known answers, independence of the addresses, the laws that are drawn."""

import numba
import numpy as np
import pytest
from scipy import stats

from nmcfast.kernels import philox

# Random123, kat_vectors: counter, key, output of philox4x32-10
KNOWN = [
    ((0,) * 4, (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers_of_random123(counter, key, answer):
    assert tuple(int(word) for word in philox.philox4x32(*counter, *key)) == answer


def draw(seed, particle, stream, cell, n):
    out = np.empty(n)
    philox.uniforms(np.uint64(seed), np.uint64(particle), stream, cell, out)
    return out


def test_uniforms_are_uniform():
    # 100,000 numbers: the Kolmogorov–Smirnov distance of a true sample exceeds 0.0052 once in 100
    assert stats.kstest(draw(1, 2, 3, 4, 100_000), "uniform").statistic < 0.0052


@pytest.mark.parametrize(
    "changed", [(2, 0, 1, 0), (2**40, 0, 1, 0), (1, 1, 1, 0), (1, 2**40, 1, 0), (1, 0, 2, 0), (1, 0, 1, 9)]
)
def test_every_part_of_the_address_matters(changed):
    assert not np.intersect1d(draw(1, 0, 1, 0, 64), draw(*changed, 64)).size


def test_a_longer_draw_starts_with_the_shorter_one():
    assert np.array_equal(draw(5, 6, 1, 7, 100)[:33], draw(5, 6, 1, 7, 33))


def test_places_have_numbers_of_their_own():
    place = np.array([[1.5, -2.0, 3.25], [0.0, 0.0, 0.0], [1.5, -2.0, 3.5]], np.float32).view(np.uint32)
    out = np.empty((3, 4))
    philox.uniforms_at(np.uint64(2**40 + 9), np.uint64(3), 4, place, out)
    for row, (x, y, z) in zip(out, place.tolist(), strict=True):
        a, b, cell, _ = (int(word) for word in philox.philox4x32(x, y, z, 4 << 16, 9, 2**8))
        assert np.array_equal(row, draw(a | b << 32, 3, 4, cell, 4))


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 40])
def test_eight_counters_side_by_side_give_what_one_gives(n):
    found, block = draw(2**63 + 1, 2**40 + 2, 3, 2**30 - 1, n), []
    for k in range((n + 1) // 2):
        w = philox.philox4x32(k | 3 << 16, 2**30 - 1, 2, 2**8, 1, 2**31)
        for high, low in ((int(w[0]), int(w[1])), (int(w[2]), int(w[3]))):
            block.append(((high << 20 | low >> 12) + 0.5) * 2.0**-52)
    assert found.tolist() == block[:n]


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="too slow without the compiler")
def test_seed_counts_are_poisson_and_positions_uniform():
    # 8,000 cells of mean 7.37: variance over mean of a Poisson sample is 1 ± 0.016
    mask, corner = np.ones((20, 20, 20), bool), np.full(3, -10)
    start = np.empty(mask.size + 1, np.int64)
    philox.count_seeds(1, 2, mask, corner, 7.3728, start)
    counts, n = np.diff(start), start[-1]
    assert counts.mean() == pytest.approx(7.3728, abs=0.12)
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.064)
    table = np.empty((n, 8), np.float32)
    philox.draw_seeds(1, 2, mask.shape, corner, start, 16.0, table)
    home = np.repeat(np.argwhere(mask) - 10, counts, axis=0)
    inside = table[:, :3] / 16.0 - home
    assert (np.abs(inside - 0.5) <= 0.5 + 1e-6).all()  # rounded to float32
    assert not table[:, 6:].any()
    for column in (*inside.T, *table[:, 3:5].T, table[:, 5] / np.pi):
        assert stats.kstest(column, "uniform").statistic < 1.63 / np.sqrt(n)


def test_a_cell_holds_the_same_seeds_whatever_is_asked_for_beside_it():
    mask, corner = np.random.default_rng(0).random((4, 3, 5)) < 0.6, np.array([-2, 100, -500])
    start = np.empty(mask.size + 1, np.int64)
    philox.count_seeds(1, 2, mask, corner, 7.3728, start)
    assert not np.diff(start)[~mask.ravel()].any()
    table = np.empty((start[-1], 8), np.float32)
    philox.draw_seeds(1, 2, mask.shape, corner, start, 16.0, table)
    one, first = np.ones((1, 1, 1), bool), np.empty(2, np.int64)
    for k, cell in enumerate(np.argwhere(np.ones_like(mask))):
        if mask[tuple(cell)]:
            philox.count_seeds(1, 2, one, corner + cell, 7.3728, first)
            alone = np.empty((first[1], 8), np.float32)
            philox.draw_seeds(1, 2, one.shape, corner + cell, first, 16.0, alone)
            assert np.array_equal(alone, table[start[k] : start[k + 1]])
