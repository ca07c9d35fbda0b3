"""`nmcfast.descriptors` as others use it: what is promised is there, and leaves its arguments as they are."""

import copy
import inspect

import numpy as np
import pytest
from test_house import where_is

from nmcfast import descriptors
from nmcfast.shells.harmonics import icosphere

PROMISED = {f"Eq. ({n})" for n in (4, 17, 18, 19, 20, 21)}
LABELS = np.repeat(np.repeat([[1, 1, 2], [3, 3, 2], [0, 4, 2]], 4, axis=0), 4, axis=1)
CUBES = np.stack([LABELS] * 4)
ALPHA = np.array([0.1, 0.2, np.nan, 0.3, 1.0, 0.05, 0.12])
RADIUS = 1.0 + 0.2 * icosphere(2)[0][:, 0] ** 2
COEFFICIENTS = np.array([4.0, 0.2, 0.1, 0.3])
CALLS = {
    "angle_density": (ALPHA, np.linspace(0, np.pi / 2, 5)),
    "angle_to_radius": (np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]])),
    "aspect_ratio": (RADIUS,),
    "chord_lengths": (LABELS, 0.5),
    "compactness": (RADIUS, *icosphere(2)),
    "d_max": (RADIUS,),
    "d_min": (RADIUS,),
    "diameters": (RADIUS,),
    "edge_grains": (LABELS, np.arange(1, 5)),
    "is_central": (ALPHA,),
    "measure_grains": (LABELS, 0.5, (3.0, 3.0)),
    "measure_volume": (CUBES, 0.5, np.zeros(3)),
    "shell_descriptors": (COEFFICIENTS,),
    "sphericity": (np.array([1.0, 2.0]), np.array([6.0, 12.0])),
    "volume_area": (RADIUS, *icosphere(2)),
}


def functions():
    return {name for name in descriptors.__all__ if inspect.isfunction(getattr(descriptors, name))}


def test_each_promised_equation_is_said_by_a_public_function():
    said = set().union(*(where_is.cited_in(getattr(descriptors, name).__doc__) for name in functions()))
    assert said >= PROMISED
    assert set(CALLS) == functions()


@pytest.mark.parametrize("name", sorted(CALLS))
def test_arguments_stay_as_they_are_and_the_answer_is_the_same_again(name):
    given = [np.array(a) if isinstance(a, np.ndarray) else a for a in CALLS[name]]
    for argument in given:
        if isinstance(argument, np.ndarray):
            argument.setflags(write=False)
    before = copy.deepcopy(given)
    first, again = (flat(getattr(descriptors, name)(*given)) for _ in range(2))
    for one, other in ((first, again), (before, given)):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def flat(value):
    if hasattr(value, "__dataclass_fields__"):
        return [getattr(value, name) for name in value.__dataclass_fields__]
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, tuple) else [value]


def test_a_section_and_its_prism_agree():
    """Grain 1 is 8 × 4 pixels of 0.5 µm: η of Eq. (21) is the ratio of (n² − 1), elongation in 3D has its own 1/12."""
    flat_grains, grains = (
        descriptors.measure_grains(*CALLS["measure_grains"]),
        descriptors.measure_volume(CUBES, 0.5, np.zeros(3)),
    )
    assert flat_grains.elongation[0] == pytest.approx(63 / 15)
    assert grains.elongation[0] == pytest.approx(2.0)
    assert grains.volume == pytest.approx(flat_grains.area * 4 * 0.5)
    along_x, along_y = descriptors.chord_lengths(LABELS, 0.5)
    assert sorted(along_x) == sorted([4.0] * 8 + [2.0] * 16)
    assert sorted(along_y) == sorted([2.0] * 8 + [2.0] * 8 + [6.0] * 4 + [2.0] * 4)
