"""A shorter form of the checks of scripts/checks whose results are in docs/results."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts/checks"


@pytest.fixture(scope="module")
def scripts() -> Iterator[None]:
    sys.path.insert(0, str(SCRIPTS))
    yield
    sys.path.remove(str(SCRIPTS))


@pytest.fixture
def script(scripts: None, request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


@pytest.mark.parametrize("script", ["crash_points"], indirect=True)
@pytest.mark.parametrize(("form", "step"), [("zarr", 90), ("hdf5", 9), ("vtu", 13)])
def test_a_crash_at_any_point_is_recovered_from(script: ModuleType, form: str, step: int) -> None:
    operations, counts, failures = script.check(form, step)
    assert operations > 5 * step and min(counts[how] for how in ("kept", "bytes lost", "names lost")) > 1
    assert not failures


@pytest.mark.parametrize("script", ["crash_points"], indirect=True)
def test_what_is_not_flushed_is_lost_in_the_model_of_a_disk(script: ModuleType) -> None:
    disk = script.Disk()
    for operation in (("mkdir", "lib"), ("fsync", "."), ("create", "lib/a"), ("write", "lib/a", b"one")):
        disk.do(*operation)
    assert disk.left("kept") == {"lib": None, "lib/a": b"one"}
    assert disk.left("bytes lost") == {"lib": None, "lib/a": b""}
    assert disk.left("names lost") == {"lib": None}
    for operation in (("fsync", "lib/a"), ("fsync", "lib"), ("write", "lib/a", b"two"), ("rename", "lib/a", "lib/b")):
        disk.do(*operation)
    assert disk.left("kept") == {"lib": None, "lib/b": b"onetwo"}
    assert disk.left("bytes lost") == disk.left("names lost below") == {"lib": None, "lib/b": b"one"}
    assert disk.left("names lost") == {"lib": None, "lib/a": b"one"}


@pytest.mark.parametrize("script", ["damage"], indirect=True)
@pytest.mark.parametrize("form", ["zarr", "hdf5"])
def test_damage_of_every_kind_is_found_named_and_undone(script: ModuleType, form: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    cases = [*script.OTHERS, *[script.flip] * 4]
    seen = script.check(form, cases, 2, tmp_path)
    assert seen.counts.total() == len(cases) and not seen.failures


@pytest.mark.parametrize("script", ["fuzz_library"], indirect=True)
def test_damaged_models_configurations_and_libraries_are_refused_or_as_they_were(script: ModuleType) -> None:
    seen = script.fuzz(60, seed=2)
    assert {kind for kind, _, _ in (name.partition(",") for name in seen.counts)} >= {*script.KINDS}
    assert not seen.failures and seen.slowest < script.LONGEST
