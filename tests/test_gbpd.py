"""Labels of Eq. (8) equal a float64 brute force in every voxel, but for ties closer than 1e-5."""

import itertools

import naive_gbpd as naive
import numba
import numpy as np
import pytest

from nmcfast.errors import InputError
from nmcfast.kernels.gbpd import candidates, descent, labels, layout, volumes

compiled = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="too slow without the compiler")
UNTOUCHED = 77777  # more than any label
SHAPES = ((1, 1, 1), (1, 33, 3), (9, 12, 17), (4, 4, 4), (20, 5, 11), (65, 3, 7), (8, 8, 16))


def case(kind, seed):
    """Seeds of one kind of difficulty around a random grid: position, matrices, offset, shape, origin, voxel size."""
    rng = np.random.default_rng([seed, *kind.encode()])
    shape, h = SHAPES[rng.integers(len(SHAPES))], 10.0 ** rng.uniform(-2, 1)
    n, extent = int(rng.integers(2, 90)), np.array(shape[::-1]) * h
    origin = rng.normal(size=3) * h * 20
    position = origin + rng.uniform(-0.3, 1.3, (n, 3)) * (extent + 4 * h)
    eigenvalues = 10.0 ** rng.uniform(-1, 1, (n, 3)) / h**2
    offset = rng.uniform(0, 4, n)
    if kind == "zero eigenvalues":
        eigenvalues[:, rng.integers(3)] = 0
    elif kind == "zero matrices":
        eigenvalues[rng.random(n) < 0.3] = 0
        offset[eigenvalues.sum(1) == 0] -= rng.choice([0.0, 4.0, 8.0])
    elif kind == "needles":
        eigenvalues = 10.0 ** rng.uniform(-6, 2, (n, 3)) / h**2
    elif kind == "offsets":
        offset = rng.normal(size=n) * 10.0 ** rng.uniform(0, 6) - 50
    elif kind == "one huge offset":
        offset[rng.integers(n)] = -1e12
    elif kind == "far seeds":
        position[::2] = origin + rng.normal(size=position[::2].shape) * h * 1e5
    elif kind == "all far":
        position = origin + extent / 2 + rng.normal(size=(n, 3)) * h * 1e4
        offset = naive.distances(position, naive.metrics(rng, n, eigenvalues), 0.0, (origin + extent / 2)[None])[0]
    elif kind == "duplicates":
        position[n // 2 :] = position[: n - n // 2]
        offset[:] = 1.0
        eigenvalues[:] = 1 / h**2
    elif kind == "on voxel centres":
        position = origin + (rng.integers(0, shape[::-1], (n, 3)) + 0.5) * h
        offset = rng.integers(0, 2, n).astype(float)
    elif kind == "huge coordinates":
        shift = rng.normal(size=3) * 1e6 * h / 0.05
        position, origin = position + shift, origin + shift
    elif kind == "one seed":
        position, eigenvalues, offset = position[:1], eigenvalues[:1], offset[:1]
    matrices = naive.metrics(rng, len(offset), eigenvalues)
    if kind == "duplicates":  # a lattice of equal balls: ties on whole planes
        matrices[:] = np.eye(3) / h**2
    elif kind == "twins":  # metrics that differ in the sixth digit, seen from afar: float32 alone is wrong here
        position = origin + extent / 2 + np.repeat(rng.normal(size=(1, 3)) * h * 500, n, 0)
        matrices = matrices[:1] * (1 + rng.normal(size=(n, 1, 1)) * 1e-6)
        matrices += naive.metrics(rng, n, 10.0 ** rng.uniform(-6, -5, (n, 3)) / h**2)
        offset[:] = 0
    return position, matrices, offset, shape, origin, h


KINDS = (
    "plain",
    "zero eigenvalues",
    "zero matrices",
    "needles",
    "offsets",
    "one huge offset",
    "far seeds",
    "all far",
    "duplicates",
    "on voxel centres",
    "huge coordinates",
    "one seed",
    "twins",
)


def mismatches(found, position, matrices, offset, points, squared):
    """How many labels differ from the brute force, and how many of them in voxels that are not near ties."""
    label, lead = naive.labels(position, matrices, offset, points, squared)
    wrong = found.ravel() != label
    return int(wrong.sum()), int((wrong & (lead >= 1e-5)).sum())


@compiled
@pytest.mark.parametrize("squared", (False, True))
@pytest.mark.parametrize("kind", KINDS)
def test_labels_equal_brute_force(kind, squared):
    """13 kinds × 2 norms × 10 = 260 configurations of up to 1,836 voxels and 89 seeds: no voxel differs."""
    ties = 0
    for seed in range(10):
        position, matrices, offset, shape, origin, h = case(kind, seed)
        norm = "squared" if squared else "unsquared"
        found = labels.label_grid(position, matrices, offset, shape, origin, h, norm)
        points = naive.voxel_centres(shape, origin, h)
        any_, wrong = mismatches(found, position, matrices, offset, points, squared)
        assert wrong == 0, f"{kind}, seed {seed}: {wrong} of {found.size} voxels differ"
        ties += any_
    # below 1e-5 the two orders of summation in float64 may differ, but only where ties abound
    assert ties == 0 or kind in ("zero matrices", "on voxel centres", "offsets", "needles", "huge coordinates")


def radial(seed, size, ratio, density=0.0018):
    """The model's own case: D = diag(1, ratio, ratio) in the radial frame, r uniform on [1, 3], a cube of `size`."""
    rng = np.random.default_rng(seed)
    n = int(size**3 * density)
    position = rng.uniform(-size / 2, size / 2, (n, 3))
    e = position / np.linalg.norm(position, axis=1)[:, None]
    matrices = ratio * np.eye(3) + (1 - ratio) * e[:, :, None] * e[:, None]
    return position, matrices, rng.uniform(1, 3, n)


@compiled
@pytest.mark.parametrize("ratio", (1, 3, 10))
def test_large_volume_equals_brute_force_on_a_sample(ratio):
    """160³ voxels, 7,372 seeds, 4,000 random voxels: all four levels of boxes and several parts, no difference."""
    position, matrices, offset = radial(ratio, 160, ratio)
    found = labels.label_grid(position, matrices, offset, (160,) * 3, (-80,) * 3, 1.0)
    sample = np.random.default_rng(0).choice(found.size, 4000, replace=False)
    points = naive.voxel_centres(found.shape, (-80,) * 3, 1.0)[sample]
    assert mismatches(found.ravel()[sample], position, matrices, offset, points, False) == (0, 0)


@compiled
def test_seventy_thousand_seeds():
    """70,000 seeds in 40 × 24 × 70 voxels, about one each: labels above 65,535, 300 voxels compared."""
    rng = np.random.default_rng(7)
    position, offset = rng.uniform(0, [70, 24, 40], (70_000, 3)), rng.uniform(0, 1, 70_000)
    matrices = naive.metrics(rng, 70_000, rng.uniform(1, 5, (70_000, 3)))
    found = labels.label_grid(position, matrices, offset, (40, 24, 70), (0, 0, 0), 1.0)
    assert found.max() > 65_535
    sample = rng.choice(found.size, 300, replace=False)
    points = naive.voxel_centres(found.shape, (0, 0, 0), 1.0)[sample]
    assert mismatches(found.ravel()[sample], position, matrices, offset, points, False) == (0, 0)


def run(kernel, position, matrices, offset, shape, origin, h, workers, dtype=np.int32, relevant=None, blocks=None):
    """Labels and counts straight from a kernel; −1 where no relevant seed reaches, UNTOUCHED where nobody writes."""
    tables = labels.tables(position, matrices, offset, origin, h, False)
    n, out = len(offset), np.full(shape, UNTOUCHED, dtype)
    lut = np.append(np.arange(n), -1).astype(dtype)
    relevant = np.ones(n, np.uint8) if relevant is None else relevant
    blocks = labels.EVERYWHERE if blocks is None else blocks
    return out, kernel(out, layout.Names(lut, relevant), tables, blocks, workers)


@compiled
@pytest.mark.parametrize("shape", ((65, 130, 70), (1, 300, 3)))
def test_parallel_equals_serial_to_the_bit(shape):
    position, matrices, offset = radial(3, 130, 3)
    serial, one = run(volumes.label_volume_serial, position, matrices, offset, shape, (-60,) * 3, 0.9, 1)
    parallel, three = run(volumes.label_volume_parallel, position, matrices, offset, shape, (-60,) * 3, 0.9, 3)
    assert np.array_equal(serial, parallel)
    assert three.shape == (3, 4) and abs(three[:, 2].sum() / one[:, 2].sum() - 1) < 0.05


@pytest.mark.parametrize("workers", (2, 3, 16))
@pytest.mark.parametrize("seeds", (1, 2, 40))
def test_boxes_dealt_to_workers_are_all_labelled(seeds, workers):
    """15 boxes of 64³ in 12 × 130 × 260 voxels, some workers without any: labels as of one worker, none left out."""
    rng = np.random.default_rng(seeds)
    position, matrices = rng.uniform(0, [260, 130, 12], (seeds, 3)), np.stack([np.eye(3)] * seeds)
    shape = (3, 9, 260) if numba.config.DISABLE_JIT else (12, 130, 260)
    arguments = position, matrices, rng.uniform(0, 3, seeds), shape, (0, 0, 0), 1.0
    one, _ = run(volumes.label_volume_serial, *arguments, 1)
    dealt, _ = run(volumes.label_volume_serial, *arguments, workers)
    assert np.array_equal(dealt, one) and one.max() < seeds


@compiled
@pytest.mark.parametrize("workers", (1, 2))
def test_blocks_that_are_asked_for_have_their_labels_and_others_stay_as_they_are(workers):
    position, matrices, offset = radial(4, 140, 3)
    shape, origin = (140, 133, 137), (-70,) * 3
    full, every = run(volumes.label_volume_serial, position, matrices, offset, shape, origin, 1.0, 1)
    blocks = np.zeros((18, 17, 18), bool)
    blocks[3:9, 2:4, 16:] = True
    seeds = position, matrices, offset
    part, some = run(volumes.label_volume_parallel, *seeds, shape, origin, 1.0, workers, blocks=blocks)
    asked = blocks.repeat(8, 0).repeat(8, 1).repeat(8, 2)[:140, :133, :137]
    assert np.array_equal(part[asked], full[asked])
    assert (part[~asked] == UNTOUCHED).all()
    assert some[:, 2].sum() < 0.02 * every[:, 2].sum()


@compiled
def test_a_block_that_is_asked_for_far_from_all_seeds_has_its_labels():
    """40 seeds in the middle, a corner block alone: no cell that is asked for has a seed in or next to it."""
    rng = np.random.default_rng(5)
    position, matrices = rng.uniform(24, 40, (40, 3)), naive.metrics(rng, 40, rng.uniform(1, 3, (40, 3)))
    arguments = position, matrices, rng.uniform(0, 3, 40), (64,) * 3, (0, 0, 0), 1.0
    full, _ = run(volumes.label_volume_serial, *arguments, 1)
    for corner in itertools.product((0, 7), repeat=3):
        blocks = np.zeros((8, 8, 8), bool)
        blocks[corner] = True
        part, _ = run(volumes.label_volume_serial, *arguments, 1, blocks=blocks)
        asked = blocks.repeat(8, 0).repeat(8, 1).repeat(8, 2)
        assert np.array_equal(part[asked], full[asked])


@compiled
@pytest.mark.parametrize("workers", (1, 2))
def test_boxes_out_of_reach_of_relevant_seeds_get_the_last_entry(workers):
    """Every voxel of a relevant seed has its label; the rest have theirs or −1, and most boxes are −1."""
    position, matrices, offset = radial(4, 140, 3)
    shape, origin = (140,) * 3, (-70,) * 3
    full, every = run(volumes.label_volume_serial, position, matrices, offset, shape, origin, 1.0, 1)
    relevant = (np.linalg.norm(position - [40, 0, 0], axis=1) < 15).astype(np.uint8)
    part, some = run(
        volumes.label_volume_parallel, position, matrices, offset, shape, origin, 1.0, workers, relevant=relevant
    )
    wanted = relevant[full].astype(bool)
    assert wanted.any() and np.array_equal(part[wanted], full[wanted])
    assert np.isin(part[~wanted], (-1,)).mean() > 0.9 and ((part == full) | (part == -1)).all()
    assert some[:, 2].sum() < 0.1 * every[:, 2].sum()


@compiled
def test_labels_as_uint16():
    position, matrices, offset = (a[:200] for a in radial(5, 50, 3))
    arguments = position, matrices, offset, (13, 20, 30), (-15, -10, -6), 1.0
    found = labels.label_grid(*arguments, dtype=np.uint16)
    assert found.dtype == np.uint16 and np.array_equal(found, labels.label_grid(*arguments))


@compiled
def test_work_does_not_grow():
    """Counts of work per voxel at 128³, D ratio 3, when written: candidates 0.742, evaluations 3.97; + 10 % fails."""
    position, matrices, offset = radial(0, 128, 3)
    _, counts = run(volumes.label_volume_serial, position, matrices, offset, (128,) * 3, (-64,) * 3, 1.0, 1)
    boxes, tested, evaluated, close = counts.sum(0) / 128**3
    assert boxes < 1.1 * 0.0179
    assert tested < 1.1 * 0.742
    assert evaluated < 1.1 * 3.97
    assert 0 < close < 2e-3


def test_scratch_is_below_a_quarter_of_the_labels():
    """Two workers and the tables, 30,199 seeds, against 256³ int32: 19 %."""
    n, workers = 30_199, 2
    c = np.zeros((n + 1) * layout.RECORD, np.float32)
    worker = sum(array.nbytes for array in descent.memory_for(c))
    tables = n * (3 * 8 + 6 * 4 + 8 + 4 + 1)
    assert workers * worker + tables < 0.25 * 256**3 * 4


@compiled
def test_lists_grow_when_nothing_can_be_dropped():
    """5,000 zero matrices are candidates everywhere: the lists outgrow their first room; the lowest index wins."""
    offset = np.zeros(5000)
    found = labels.label_grid(np.zeros((5000, 3)), np.zeros((5000, 3, 3)), offset, (9, 17, 40), (0, 0, 0), 1.0)
    assert (found == 0).all()
    offset[4321] = 1e-3
    found = labels.label_grid(np.zeros((5000, 3)), np.zeros((5000, 3, 3)), offset, (9, 17, 40), (0, 0, 0), 1.0)
    assert (found == 4321).all()


@pytest.mark.parametrize("kind", ("plain", "zero eigenvalues", "duplicates"))
def test_labels_without_the_compiler_too(kind):
    """5 × 4 × 9 voxels, 20 seeds: small enough for NUMBA_DISABLE_JIT=1, where divisions by zero are masked later."""
    position, matrices, offset, _, origin, h = case(kind, 1)
    position, matrices, offset = position[:20], matrices[:20], offset[:20]
    with np.errstate(all="ignore"):
        found, _ = run(volumes.label_volume_serial, position, matrices, offset, (5, 4, 9), origin, h, 1)
    points = naive.voxel_centres((5, 4, 9), origin, h)
    assert mismatches(found, position, matrices, offset, points, False)[1] == 0


@compiled
@pytest.mark.parametrize("squared", (False, True))
@pytest.mark.parametrize("kind", ("plain", "zero eigenvalues", "duplicates", "one seed"))
def test_points_equal_brute_force(kind, squared):
    position, matrices, offset, shape, origin, h = case(kind, 3)
    points = np.random.default_rng(1).uniform(-1, 2, (500, 3)) * np.array(shape[::-1]) * h + origin
    found = labels.label_points(position, matrices, offset, points, "squared" if squared else "unsquared")
    assert mismatches(found, position, matrices, offset, points, squared)[1] == 0


@compiled
def test_points_equal_grid():
    position, matrices, offset = radial(2, 40, 3)
    grid = labels.label_grid(position, matrices, offset, (12, 14, 16), (-8, -7, -6), 1.0)
    points = naive.voxel_centres((12, 14, 16), (-8, -7, -6), 1.0)
    assert np.array_equal(grid.ravel(), labels.label_points(position, matrices, offset, points))


def test_factors_reproduce_the_metric():
    """AᵀA = h² M to 1e-6 of the trace, for singular M too."""
    rng = np.random.default_rng(3)
    eigenvalues = rng.uniform(0, 9, (50, 3))
    eigenvalues[::3, 0] = 0
    eigenvalues[::7, :2] = 0
    matrices, out = naive.metrics(rng, 50, eigenvalues), np.empty((6, 50), np.float32)
    volumes.factors(matrices, 0.5, out)
    a = np.zeros((50, 3, 3))
    a[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]] = out.T
    wrong = np.abs(a.transpose(0, 2, 1) @ a - 0.25 * matrices).max((1, 2))
    assert (wrong < 1e-6 * np.trace(matrices, axis1=1, axis2=2)).all()


def test_rounding_bound_covers_float32():
    """|A(x − s)| in float32 against float64 from M, 20,000 seeds, a corner of a tile: error below half the bound."""
    rng = np.random.default_rng(9)
    n = 2000 if numba.config.DISABLE_JIT else 20_000
    position = rng.normal(size=(n, 3)) * 10.0 ** rng.uniform(0, 4, (n, 1))
    matrices = naive.metrics(rng, n, 10.0 ** rng.uniform(-8, 1, (n, 3)))
    tables = labels.tables(position, matrices, np.zeros(n), (0, 0, 0), 1.0, False)
    c = layout.records_of(tables.factor, tables.shift)
    candidates.place_seeds(c, tables.place, (128.0, 128.0, 128.0), False)
    rows = c.reshape(-1, layout.RECORD).T[:, :n]
    dx, dy, dz = np.float32(-127.5) - rows[:3]
    a00, a01, a02, a11, a12, a22 = rows[3:9]
    u = np.array([a00 * dx + a01 * dy + a02 * dz, a11 * dy + a12 * dz, a22 * dz])
    found = np.sqrt((u * u).sum(0))
    d = np.array([0.5, 0.5, 0.5]) - position
    exact = np.sqrt(np.maximum(np.einsum("na,nab,nb->n", d, matrices, d), 0))
    share = np.abs(found - exact) / rows[layout.ERROR]
    assert share.max() < 0.5


GOOD = {
    "position": np.zeros((2, 3)),
    "matrices": np.stack([np.eye(3)] * 2),
    "offset": np.zeros(2),
    "shape": (2, 2, 2),
    "origin": (0, 0, 0),
    "voxel_size": 1.0,
}
SKEW, NEGATIVE = np.stack([np.eye(3)] * 2), np.stack([np.diag([1.0, 1.0, -1e-6])] * 2)
SKEW[1, 0, 1] = 1e-9


@pytest.mark.parametrize(
    ("change", "words"),
    (
        ({"position": np.zeros((0, 3)), "matrices": np.zeros((0, 3, 3)), "offset": []}, "no seeds"),
        ({"position": np.full((2, 3), np.nan)}, "position: expected finite"),
        ({"matrices": np.full((2, 3, 3), np.inf)}, "matrices: expected finite"),
        ({"offset": [0, np.nan]}, "offset: expected finite"),
        ({"position": np.zeros((3, 3))}, r"position: expected finite \(2, 3\), got \(3, 3\)"),
        ({"matrices": SKEW}, r"matrices\[1\] is not symmetric"),
        ({"matrices": NEGATIVE}, r"matrices\[0\] has a negative eigenvalue -1e-06"),
        ({"offset": [0, 1e31]}, "offset"),
        ({"position": np.full((2, 3), 1e19)}, "seed 0 lies"),
        ({"shape": (2, 2)}, "shape"),
        ({"shape": (2, 0, 2)}, "shape"),
        ({"shape": (2, 2.5, 2)}, "shape"),
        ({"origin": (0, 0)}, "origin"),
        ({"origin": (1e12, 0, 0)}, "origin"),
        ({"voxel_size": 0.0}, "voxel_size"),
        ({"voxel_size": -1.0}, "voxel_size"),
        ({"voxel_size": np.nan}, "voxel_size"),
        ({"norm": "cubed"}, "norm"),
        ({"dtype": float}, "dtype"),
    ),
)
def test_bad_input_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        labels.label_grid(**(GOOD | change))


def test_indefinite_matrices_are_told_from_rounding():
    """Eigenvalues of −1e-14 of the trace are what rounding leaves of a 0, −1e-12 are not: factors add 1e-13."""
    q = np.linalg.qr(np.random.default_rng(6).normal(size=(20, 3, 3)))[0]
    for lowest, found in ((0.0, -1), (-1e-14, -1), (-1e-12, 0)):
        matrices = np.einsum("nka,k,nkb->nab", q, np.array([2.0, 1.0, 3.0 * lowest]), q)
        assert volumes.first_indefinite((matrices + matrices.transpose(0, 2, 1)) / 2) == found


def test_dtype_must_hold_the_labels():
    many = {"position": np.zeros((300, 3)), "matrices": np.zeros((300, 3, 3)), "offset": np.zeros(300)}
    with pytest.raises(InputError, match="uint8 cannot hold the index 299"):
        labels.label_grid(**(GOOD | many), dtype=np.uint8)


def test_bad_points_are_refused():
    with pytest.raises(InputError, match="points"):
        labels.label_points(GOOD["position"], GOOD["matrices"], GOOD["offset"], np.zeros((4, 2)))
