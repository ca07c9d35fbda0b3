"""kernels/moments.py against NumPy and scipy.ndimage."""

import numpy as np
import pytest
from scipy import ndimage

from nmcfast.kernels import moments

RNG = np.random.default_rng(2)
VOLUMES = {
    "blocks": RNG.integers(0, 5, (4, 5, 6)).repeat(4, 0).repeat(3, 1).repeat(5, 2),
    "noise": RNG.integers(0, 4, (20, 21, 22)),
    "one label": np.zeros((3, 4, 5), int),
    "one voxel": np.ones((1, 1, 1), int),
    "gaps in the numbers": RNG.choice([0, 7, 300], (9, 8, 7)),
    "uint16": RNG.integers(0, 65535, (6, 6, 6)).astype(np.uint16),
    "a row": RNG.integers(0, 2, (1, 1, 50)),
}


@pytest.mark.parametrize("name", VOLUMES)
@pytest.mark.parametrize("kernel", [moments.moments_serial, moments.moments_parallel])
def test_sums_and_boxes(name, kernel):
    labels = VOLUMES[name]
    n = int(labels.max()) + 3
    sums, boxes = np.empty((2, n, 10), np.int64), np.empty((2, n, 6), np.int64)
    kernel(labels, sums, boxes)
    total = sums.sum(axis=0)
    z, y, x = np.indices(labels.shape)
    columns = (x * 0 + 1, x, y, z, x * x, y * y, z * z, x * y, x * z, y * z)
    for column, weight in enumerate(columns):
        wanted = np.bincount(labels.ravel(), weight.ravel(), minlength=n).astype(int)
        assert np.array_equal(total[:, column], wanted)
    lower, upper = boxes[..., :3].min(axis=0), boxes[..., 3:].max(axis=0)
    for label, found in enumerate(ndimage.find_objects(labels.astype(int) + 1, max_label=n)):
        if found is None:
            assert (lower[label] > upper[label]).all()
        else:
            assert [(s.start, s.stop) for s in found] == list(zip(lower[label], upper[label], strict=True))


@pytest.mark.parametrize("name", VOLUMES)
def test_components_equal_those_of_scipy(name):
    labels = VOLUMES[name]
    out = np.empty(labels.shape, np.int32)
    label, size = moments.components(labels, out)
    assert np.array_equal(np.bincount(out.ravel()), size)
    for value in np.unique(labels):
        wanted, count = ndimage.label(labels == value)
        assert count == (label == value).sum()
        pairs = np.unique(np.stack([wanted[labels == value], out[labels == value]]), axis=1)
        assert pairs.shape[1] == count  # one to one


@pytest.mark.parametrize("name", VOLUMES)
def test_contacts_count_the_faces_between_labels(name):
    labels = VOLUMES[name].astype(int)
    wanted = {}
    for axis in (2, 1, 0):
        a, b = (
            np.take(labels, range(labels.shape[axis] - 1), axis),
            np.take(labels, range(1, labels.shape[axis]), axis),
        )
        for pair in zip(a[a != b], b[a != b], strict=True):
            wanted.setdefault((min(pair), max(pair)), [0, 0, 0])[2 - axis] += 1
    pairs, faces = moments.contacts(labels)
    assert [tuple(p) for p in pairs] == sorted(wanted)
    assert faces.tolist() == [wanted[key] for key in sorted(wanted)]
