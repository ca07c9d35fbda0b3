"""kernels/vectors/elementary.py and doubles.py: within two units in the last place, and the same compiled or not."""

import numba
import numpy as np
import pytest

from nmcfast.kernels.vectors import doubles as db
from nmcfast.kernels.vectors import elementary
from nmcfast.kernels.vectors import memory as mem

RNG = np.random.default_rng(0)


def apply(function, x, results=1):
    """A function of eight float64 on an array."""
    padded = np.concatenate([x, np.ones(-len(x) % 8)])
    found = [function(padded[i : i + 8]) if numba.config.DISABLE_JIT else None for i in range(0, len(padded), 8)]
    if numba.config.DISABLE_JIT:
        return np.concatenate(found, axis=-1)[..., : len(x)]
    out = np.empty((results, len(padded)))
    (_one if results == 1 else _two)(function, padded, out)
    return out[:, : len(x)].reshape(-1, len(x))[0] if results == 1 else out[:, : len(x)]


@numba.njit
def _one(function, x, out):
    for i in range(0, x.size, 8):
        db.store8(out[0], i, function(db.load8(x, i)))


@numba.njit
def _two(function, x, out):
    for i in range(0, x.size, 8):
        a, b = function(db.load8(x, i))
        db.store8(out[0], i, a)
        db.store8(out[1], i, b)


def units(found, exact):
    """Largest difference in units in the last place of the exact values, extended precision."""
    return float((np.abs(found - exact) / np.spacing(np.abs(exact).astype(float))).max())


def test_exponential():
    x = np.concatenate([RNG.uniform(-700, 709, 20_000), RNG.normal(size=20_000), [0.0, -0.0, 1.0, -700.0, 709.0]])
    assert units(apply(elementary.exp8, x), np.exp(x.astype(np.longdouble))) < 2.0
    assert apply(elementary.exp8, np.array([-701.0, -np.inf, 710.0, np.inf])).tolist() == [0.0, 0.0, np.inf, np.inf]


def test_logarithm():
    x = np.concatenate(
        [
            RNG.random(20_000),
            np.exp(RNG.uniform(-700, 700, 20_000)),
            1.0 + 1e-9 * RNG.normal(size=999),
            [1.0, 2.0**-53, 1.0 - 2.0**-53],
        ]
    )
    exact = np.log(x.astype(np.longdouble))
    assert units(apply(elementary.log8, x)[exact != 0], exact[exact != 0]) < 2.0
    assert apply(elementary.log8, np.ones(8)).tolist() == [0.0] * 8


def test_cosine_and_sine():
    x = np.concatenate([RNG.uniform(0, 2 * np.pi, 20_000), RNG.uniform(-1e5, 1e5, 20_000), [0.0, np.pi, np.pi / 2]])
    cosine, sine = apply(elementary.cosine_sine8, x, 2)
    assert np.abs(cosine - np.cos(x.astype(np.longdouble))).max() < 3e-16
    assert np.abs(sine - np.sin(x.astype(np.longdouble))).max() < 3e-16


def several(a, out):
    x, y = db.load8(a, 0), db.load8(a, 8)
    db.store8(out, 0, x + y)
    db.store8(out, 8, x - y * 3.0)
    db.store8(out, 16, 2.0 / x)
    db.store8(out, 24, db.sqrt8(x * x))
    db.store8(out, 32, db.where_less8(x, y, db.spread8(1.0), x))
    db.store8(out, 40, db.exponent8(x * x + 0.1) + db.mantissa8(x * x + 0.1))
    db.store8(out, 48, db.scale8(db.spread8(1.5), db.spread8(-12.0)))
    mem.put(out, 56, mem.at(a, 3))
    out[57] = db.bits_not_above8(x, y)


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="compares compiled code with Python")
def test_compiled_equals_python_to_the_bit():
    compiled = numba.njit(several)
    for _ in range(100):
        a = RNG.normal(size=16)
        a[RNG.integers(0, 16, 3)] = RNG.choice([0.0, -0.0, np.inf, 1e-150], 3)
        a[5] = a[13]
        a[0] = 1.0
        found, expected = np.zeros(64), np.zeros(64)
        finite = np.where(np.isfinite(a), a, 7.0)
        compiled(finite, found)
        with np.errstate(all="ignore"):
            several(finite, expected)
        assert found.tobytes() == expected.tobytes()


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="compares compiled code with Python")
@pytest.mark.parametrize("function", [elementary.exp8, elementary.log8])
def test_functions_compiled_equal_python_to_the_bit(function):
    x = np.exp(RNG.uniform(-5, 5, 800))
    plain = {name: getattr(value, "py_func", value) for name, value in vars(elementary).items()}
    with np.errstate(all="ignore"):
        expected = np.concatenate([plain[function.py_func.__name__](x[i : i + 8]) for i in range(0, 800, 8)])
    assert apply(function, x).tobytes() == expected.tobytes()
