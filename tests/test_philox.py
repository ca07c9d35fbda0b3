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


@pytest.mark.parametrize(
    ("family", "parameters", "law"),
    [
        (philox.NORMAL, (1.5, 2.0, 0.0), stats.norm(1.5, 2.0)),
        (philox.LOGNORMAL, (0.4, -29.83, 100.0), stats.lognorm(0.4, -29.83, 100.0)),
        (philox.STUDENT_T, (2.22, 0.5, 3.51), stats.t(2.22, 0.5, 3.51)),
    ],
)
def test_coefficients_follow_their_law(family, parameters, law):
    # 20,000 draws of one coefficient: a true sample is further than 0.0115 from its law once in 100
    families, table = np.array([family]), np.array([parameters])
    sample, out = np.empty(20_000), np.empty(1)
    for particle in range(sample.size):
        philox.draw_coefficients(3, particle, 0, families, table, out)
        sample[particle] = out[0]
    assert stats.kstest(sample, law.cdf).statistic < 0.0115


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="too slow without the compiler")
def test_seed_counts_are_poisson_and_positions_uniform():
    # 8,000 cells of mean 7.37: variance over mean of a Poisson sample is 1 ± 0.016
    cells = np.argwhere(np.ones((20, 20, 20), bool)) - 10
    counts = np.empty(len(cells), np.int64)
    philox.count_seeds(1, 2, cells, 7.3728, counts)
    assert counts.mean() == pytest.approx(7.3728, abs=0.12)
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.064)
    n = counts.sum()
    position, noise, angle = np.empty((n, 3)), np.empty((n, 2)), np.empty(n)
    philox.draw_seeds(1, 2, cells, counts, 16.0, position, noise, angle)
    assert np.array_equal(np.floor(position / 16.0), np.repeat(cells, counts, axis=0))
    for column in (*(position / 16.0 % 1.0).T, *noise.T, angle / np.pi):
        assert stats.kstest(column, "uniform").statistic < 1.63 / np.sqrt(n)
    some = cells[1234:1236]  # a cell holds the same seeds whatever is asked for beside it
    part, start = counts[1234:1236], counts[:1234].sum()
    alone = np.empty((part.sum(), 3))
    philox.draw_seeds(1, 2, some, part, 16.0, alone, np.empty((len(alone), 2)), np.empty(len(alone)))
    assert np.array_equal(alone, position[start : start + len(alone)])
