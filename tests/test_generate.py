"""nmcfast/generate.py: libraries do not depend on shards, workers, order or interruptions."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nmcfast import generate_library, generate_particle, load_model, open_library
from nmcfast.errors import InputError
from nmcfast.export.verify import verify
from nmcfast.generate import _grow, make_shard, particle_digest
from nmcfast.model import GrainLaw, Model
from nmcfast.shells.law import OrderLaw, ShellLaw
from nmcfast.surface import Surface

NMC811 = load_model("nmc811")
# particles of about 1.6 µm and 40 grains: small enough to make dozens of them in a test
SMALL = Model(
    "small",
    ShellLaw(
        "independent",
        0.128,
        (OrderLaw("lognormal", (0.1, 0.0, 23.0), "estimated"), OrderLaw("normal", (0.0, 0.5), "estimated")),
    ),
    NMC811.grains,
    {"shell": "a test", "grains": "a test"},
)
GOLDEN = Path(__file__).parent / "golden"


def tree(path):
    """Every file of a library with its bytes."""
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("libraries") / "small.zarr"
    made = generate_library(path, SMALL, count=10, seed=3, shard_size=4)
    assert (made.made, made.present, made.expected) == (3, 3, 3)
    return path


def test_a_library_verifies_and_gives_its_particles_back(library):
    assert verify(library).ok
    opened = open_library(library)
    assert len(opened) == 10 and opened.complete
    for index in (0, 7, 9):
        wanted = generate_particle(SMALL, seed=3, index=index)
        assert particle_digest(opened[index]) == particle_digest(wanted)
        assert np.array_equal(opened[index].grains.orientation, wanted.grains.orientation)
        volume = opened[index].voxelize(0.05)
        assert np.array_equal(opened.labels(index), volume.labels)
        assert np.array_equal(opened.label_slice(index, 3), volume.labels[3])
    assert opened.table["index"].tolist() == list(range(10))
    assert (opened.table["grains"] == [len(opened[i].grains) for i in range(10)]).all()


def test_what_is_stored_is_enough_at_other_voxel_sizes(library):
    particle, wanted = open_library(library)[2], generate_particle(SMALL, seed=3, index=2)
    for size in (0.03, 0.013):
        assert np.array_equal(particle.voxelize(size).labels, wanted.voxelize(size).labels)


@pytest.mark.parametrize(("seed", "index"), [(1, 6), (1, 24), (5, 34), (5, 57)])
def test_grains_and_halo_give_the_labels_that_all_seeds_gave(seed, index):
    # with a halo of those seeds alone that may win beside a grain, grains of these reappear behind a neighbour
    particle, found = _grow(NMC811, seed, index, Surface.of("grains"))
    again = particle.voxelize(NMC811.grains.pixel_um)
    assert np.array_equal(again.labels, found.volume.labels)
    assert np.allclose(again.origin, found.volume.origin)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_particles_do_not_depend_on_the_shard_size(library, tmp_path, size):
    generate_library(tmp_path / "lib", SMALL, count=10, seed=3, shard_size=size)
    one, other = open_library(library), open_library(tmp_path / "lib")
    for index in range(10):
        assert particle_digest(one[index]) == particle_digest(other[index])
        assert np.array_equal(one.labels(index), other.labels(index))


def test_two_workers_make_the_same_bytes(library, tmp_path):
    generate_library(tmp_path / "lib", SMALL, count=10, seed=3, shard_size=4, workers=2)
    assert tree(tmp_path / "lib") == tree(library)


def test_shards_made_alone_in_any_order_make_the_same_bytes(library, tmp_path):
    options = {"count": 10, "seed": 3, "shard_size": 4}
    for k in (2, 0):
        made = generate_library(tmp_path / "lib", SMALL, **options, shard_range=range(k, k + 1))
        assert made.root_sha256 is None
    report = verify(tmp_path / "lib")
    assert report.ok and not report.sealed and report.shards == 2
    generate_library(tmp_path / "lib", SMALL, **options)
    assert tree(tmp_path / "lib") == tree(library)


class Interrupt(BaseException):
    pass


@pytest.mark.parametrize("after", [0, 5, 9])
def test_an_interrupted_run_continues_to_the_same_bytes(library, tmp_path, after):
    def stop(index, rejected):
        if index == after:
            raise Interrupt

    options = {"count": 10, "seed": 3, "shard_size": 4}
    with pytest.raises(Interrupt):
        generate_library(tmp_path / "lib", SMALL, **options, progress=stop)
    assert verify(tmp_path / "lib").ok
    assert not list(tmp_path.rglob(".tmp-*"))
    generate_library(tmp_path / "lib", SMALL, **options)
    assert tree(tmp_path / "lib") == tree(library)


@pytest.mark.parametrize(
    "changed", [{"seed": 4}, {"count": 11}, {"shard_size": 5}, {"voxel_size": 0.1}, {"labels": False}]
)
def test_other_parameters_are_refused_and_change_nothing(library, changed):
    before = tree(library)
    with pytest.raises(InputError, match="made with"):
        generate_library(library, SMALL, **({"count": 10, "seed": 3, "shard_size": 4} | changed))
    assert tree(library) == before


def test_overwrite_replaces_a_library_but_nothing_else(tmp_path):
    path = tmp_path / "lib"
    generate_library(path, SMALL, count=1, seed=1, labels=False)
    generate_library(path, SMALL, count=1, seed=2, labels=False, overwrite=True)
    assert open_library(path).recipe["seed"] == 2
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="not an nmcfast library"):
            generate_library(tmp_path / "notes", SMALL, count=1, overwrite=overwrite)
    assert (tmp_path / "notes" / "thesis.txt").read_text() == "years of work"


def test_labels_at_another_voxel_size(tmp_path):
    generate_library(tmp_path / "lib", SMALL, count=2, seed=3, voxel_size=0.1)
    opened = open_library(tmp_path / "lib")
    wanted = generate_particle(SMALL, seed=3, index=1).voxelize(0.1)
    assert np.array_equal(opened.labels(1), wanted.labels)
    assert verify(tmp_path / "lib").ok


def test_voxels_too_small_for_memory_are_refused_before_anything_is_written_or_removed(library, tmp_path):
    before = tree(library)
    for path in (tmp_path / "new", library):
        with pytest.raises(InputError, match=r"voxel_size: 0.0001 µm needs .* GiB"):
            generate_library(path, SMALL, count=10, seed=3, shard_size=4, voxel_size=1e-4, overwrite=True)
    assert not (tmp_path / "new").exists()
    assert tree(library) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"count": 0}, "count: found 0"),
        ({"shard_size": 0}, "shard_size: found 0"),
        ({"voxel_size": 0.0}, "voxel_size: found 0.0"),
        ({"voxel_size": float("nan")}, "voxel_size: found nan"),
        ({"seed": -1}, "seed: found -1"),
        ({"format": "jpeg"}, "format 'jpeg' is not known"),
        ({"count": 3, "shard_size": 64, "shard_range": range(2)}, "shards: found 0:2, the library has 1"),
    ],
)
def test_wrong_parameters_write_nothing(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        generate_library(tmp_path / "lib", SMALL, **options)
    assert not (tmp_path / "lib").exists()


def test_shells_without_a_grain_are_drawn_again_and_counted():
    tiny = Model(
        "tiny",
        ShellLaw("independent", 0.128, (OrderLaw("lognormal", (0.3, 0.0, 9.0), "estimated"),)),
        NMC811.grains,
        {},
    )
    particles = [generate_particle(tiny, seed=1, index=i) for i in range(6)]
    assert all(len(p.grains) >= 1 for p in particles)
    assert sum(p.facts["rejected_grains"] for p in particles) > 0


def test_a_model_that_never_holds_a_grain_is_refused():
    law = GrainLaw(NMC811.grains.net, 1e-7, 0.05)
    hopeless = Model("hopeless", SMALL.shell, law, {})
    with pytest.raises(InputError, match="hold no grain"):
        generate_particle(hopeless, seed=1)


@pytest.mark.parametrize(("surface", "file"), [("shell", "shells.json"), ("grains", "particles.json")])
def test_golden_particles(surface, file):
    """Particles of nmc811 are the same to the bit as when tests/golden was written (scripts/make/golden.py)."""
    for name, digest in json.loads((GOLDEN / file).read_text()).items():
        seed, index = (int(part) for part in name.split("/"))
        assert particle_digest(generate_particle(NMC811, seed=seed, index=index, surface=surface)) == digest, name


def test_generation_needs_neither_torch_nor_the_imaging_extras(tmp_path):
    code = (
        "import sys\n"
        "for name in ('torch', 'skimage', 'tifffile', 'h5py', 'matplotlib', 'meshio'): sys.modules[name] = None\n"
        "import nmcfast\n"
        f"nmcfast.generate_library({str(tmp_path / 'lib')!r}, nmcfast.load_model('nmc811'), count=1, labels=False)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_memory_of_a_shard_does_not_grow_with_it(tmp_path):
    import tracemalloc

    peaks = []
    for count in (4, 16):
        (tmp_path / str(count)).mkdir()
        tracemalloc.start()
        generate_library(tmp_path / str(count) / "lib", SMALL, count=count, seed=3, shard_size=count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # four times the particles: tables of some 20 kB each grow, label volumes of 100 kB and seeds of 500 kB must not
    assert peaks[1] < 1.5 * peaks[0]


def test_make_shard_is_a_pure_function(library, tmp_path):
    opened = open_library(library)
    from nmcfast.export import root

    root.create_library(tmp_path / "lib", opened.recipe, SMALL.to_bytes())
    make_shard(tmp_path / "lib", opened.recipe, SMALL, 1)
    part = {k: v for k, v in tree(library).items() if k.startswith("shards/000001/")}
    assert {k: v for k, v in tree(tmp_path / "lib").items() if k.startswith("shards/000001/")} == part
