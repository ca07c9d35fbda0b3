"""What textures are drawn by: quantiles of the normal law, cosines and sines; one value after the other."""

import math

from nmcfast.kernels._cache import helper, kernel


@helper
def _ratio(r, a, b):
    """Two polynomials of degree 7 in r, the highest power first, one over the other."""
    above, below = a[0], b[0]
    for k in range(1, 8):
        above, below = above * r + a[k], below * r + b[k]
    return above, below


def _numbers(text):
    return tuple(float(number) for number in text.split())


# Wichura (1988), Algorithm AS 241, as the standard library has it: the middle, the tails, and what lies far out
_MIDDLE = (
    _numbers(
        "2.5090809287301226727e3 3.3430575583588128105e4 6.7265770927008700853e4 4.5921953931549871457e4 "
        "1.3731693765509461125e4 1.9715909503065514427e3 1.3314166789178437745e2 3.3871328727963666080e0"
    ),
    _numbers(
        "5.2264952788528545610e3 2.8729085735721942674e4 3.9307895800092710610e4 2.1213794301586595867e4 "
        "5.3941960214247511077e3 6.8718700749205790830e2 4.2313330701600911252e1 1.0"
    ),
)
_TAIL = (
    _numbers(
        "7.74545014278341407640e-4 2.27238449892691845833e-2 2.41780725177450611770e-1 1.27045825245236838258e0 "
        "3.64784832476320460504e0 5.76949722146069140550e0 4.63033784615654529590e0 1.42343711074968357734e0"
    ),
    _numbers(
        "1.05075007164441684324e-9 5.47593808499534494600e-4 1.51986665636164571966e-2 1.48103976427480074590e-1 "
        "6.89767334985100004550e-1 1.67638483018380384940e0 2.05319162663775882187e0 1.0"
    ),
)
_FAR = (
    _numbers(
        "2.01033439929228813265e-7 2.71155556874348757815e-5 1.24266094738807843860e-3 2.65321895265761230930e-2 "
        "2.96560571828504891230e-1 1.78482653991729133580e0 5.46378491116411436990e0 6.65790464350110377720e0"
    ),
    _numbers(
        "2.04426310338993978564e-15 1.42151175831644588870e-7 1.84631831751005468180e-5 7.86869131145613259100e-4 "
        "1.48753612908506148525e-2 1.36929880922735805310e-1 5.99832206555887937690e-1 1.0"
    ),
)


@kernel
def normal_quantiles(probability, mean, deviation, out):
    """Fill out (n,) with the quantiles of a normal law at probabilities (n,), to the bit those of `NormalDist`."""
    for i in range(probability.size):
        p = probability[i]
        q = p - 0.5
        if abs(q) <= 0.425:
            above, below = _ratio(0.180625 - q * q, _MIDDLE[0], _MIDDLE[1])
            out[i] = mean + above * q / below * deviation
            continue
        r = math.sqrt(-math.log(p if q <= 0.0 else 1.0 - p))
        if r <= 5.0:
            above, below = _ratio(r - 1.6, _TAIL[0], _TAIL[1])
        else:
            above, below = _ratio(r - 5.0, _FAR[0], _FAR[1])
        x = above / below
        out[i] = mean + (-x if q < 0.0 else x) * deviation


@kernel
def cosines_sines(angle, cosine, sine):
    """Fill cosine and sine (n,) of angles (n,), by the C library."""
    for i in range(angle.size):
        cosine[i], sine[i] = math.cos(angle[i]), math.sin(angle[i])
