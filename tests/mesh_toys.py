"""Small bodies to mesh."""

import numpy as np

from nmcfast.meshes.body import Body
from nmcfast.shells.shell import Shell
from nmcfast.tessellation import Seeds


def toy(grains: int, seed: int, rough: float = 0.0) -> Body:
    """A body about 1 µm in radius with grains of random places and anisotropic metrics."""
    rng = np.random.default_rng(seed)
    coefficients = np.zeros(100)
    coefficients[0] = np.sqrt(4.0 * np.pi)
    coefficients[4:49] = rough * rng.normal(size=45)
    seeds = Seeds(
        rng.uniform(-0.8, 0.8, (grains, 3)),
        rng.uniform(0.6, 2.5, (grains, 3)),
        rng.uniform(0.0, 0.1, grains),
        rng.uniform(0.0, 6.0, grains),
    )
    return Body(seeds, Shell(coefficients), "unsquared")
