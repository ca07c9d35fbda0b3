"""Compiled lanes do what the NumPy arrays do that stand for them without the compiler."""

import numba
import numpy as np
import pytest

from nmcfast.kernels.vectors import lanes as ln
from nmcfast.kernels.vectors import memory as mem

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="compares compiled code with Python")
F = np.float32


def arithmetic(a, out):
    x, y = mem.load(a, 0), mem.load(a, 16)
    mem.store(out, 0, x + y)
    mem.store(out, 16, x - y * F(3.0))
    mem.store(out, 32, F(2.0) / x)
    mem.store(out, 48, ln.sqrt(x * x))
    mem.store(out, 64, ln.spread(F(1.5)) - x)


def choices(a, out):
    x, y = mem.load(a, 0), mem.load(a, 16)
    mem.store(out, 0, ln.least(x, y))
    mem.store(out, 16, ln.most(x, y))
    mem.store(out, 32, ln.where_less(x, y, ln.spread(F(1.0)), x))
    mem.store(out, 48, ln.halves(a[3], a[4]))
    mem.store(out, 80, ln.both(x, y, 11))
    out[64] = ln.bits_unless_above(x, y)
    out[65] = ln.first_bit(ln.bits_unless_above(y, x))


def multiplied(a, out):
    mem.store(out, 0, ln.multiply_add(mem.load(a, 0), mem.load(a, 16), mem.load(a, 32)))


@pytest.mark.parametrize("body", (arithmetic, choices))
def test_compiled_equals_python_to_the_bit(body):
    """100 draws of 48 values, with −0, zeros, infinities and equal lanes."""
    compiled, rng = numba.njit(body), np.random.default_rng(0)
    for _ in range(100):
        a = rng.normal(size=48).astype(F)
        a[rng.integers(1, 48, 4)] = rng.choice(np.array([0.0, -0.0, np.inf, 1e-30, 1e30], F), 4)
        a[5] = a[21]
        found, expected = np.zeros(96, F), np.zeros(96, F)
        compiled(a, found)
        with np.errstate(all="ignore"):
            body(a, expected)
        assert found.tobytes() == expected.tobytes()


def test_multiply_add_rounds_once():
    """2,000 draws of 16: to the bit what float64 gives, rounded to float32; rounding twice is off in a quarter."""
    compiled, rng, twice = numba.njit(multiplied), np.random.default_rng(1), 0
    for _ in range(2000):
        a, out, expected = rng.normal(size=48).astype(F), np.zeros(16, F), np.zeros(16, F)
        compiled(a, out)
        multiplied(a, expected)
        x, y, z = a.reshape(3, 16)
        assert out.tobytes() == expected.tobytes() == (x.astype(float) * y + z).astype(F).tobytes()
        twice += int((x * y + z != out).sum())
    assert twice > 1000


def moves(a, index, out, box):
    mem.store(out, 0, mem.gather(a, index, 2, 7))
    mem.put_bits(out, 20, -123456)
    chosen = ln.where_less(mem.load(a, 0), mem.load(a, 16), ln.spread_bits(70_001), ln.spread_bits(-2))
    mem.put_plane(box, 3, 10, chosen)
    mem.put_eight(box, 44, index[3])
    return mem.bits_at(out, 20)


@pytest.mark.parametrize("dtype", (np.int32, np.uint16, np.int64, np.uint8))
def test_bits_travel_unchanged(dtype):
    """Integers carried as float lanes, gathered places, and planes and rows of any integer type."""
    rng = np.random.default_rng(2)
    a, results = rng.normal(size=100).astype(F), []
    for body in (numba.njit(moves), moves):
        index, out, box = np.arange(60, 0, -2).astype(np.int32), np.zeros(32, F), np.zeros(60, dtype)
        number = body(a, index, out, box)
        results.append((int(number), index.tobytes(), out.tobytes(), box.tobytes()))
    assert results[0] == results[1] and results[0][0] == -123456


def turned(a, index, out):
    mem.transpose(out, 5, a, index, 11)


def test_transpose_gathers_records():
    """16 of 40 records of 16 values, some twice: the first 11 fields side by side, and nothing behind them."""
    rng = np.random.default_rng(3)
    a, index = rng.normal(size=640).astype(F), (rng.integers(0, 40, 16) * 16).astype(np.int32)
    found, expected = np.zeros(200, F), np.zeros(200, F)
    numba.njit(turned)(a, index, found)
    turned(a, index, expected)
    assert found.tobytes() == expected.tobytes()
    assert np.array_equal(found[5:181].reshape(11, 16), a.reshape(40, 16)[index // 16, :11].T)
    assert not found[181:].any()


def test_the_address_of_an_array_with_gaps_is_refused():
    @numba.njit
    def first(a):
        return mem.at(mem.raw(a), 0)

    assert first(np.arange(4.0)) == 0.0
    with pytest.raises(numba.TypingError, match="expected a contiguous array"):
        first(np.arange(4.0)[::2])
