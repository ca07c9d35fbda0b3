"""The schema says each array once; records that do not fit it are refused with particle and array named."""

import importlib.util
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from library_toys import recipe, record

from nmcfast.errors import InputError
from nmcfast.export import schema
from nmcfast.export.schema import LABELS, VARIABLES, ParticleRecord


def test_names_are_unique_and_dimensions_explained() -> None:
    names = [v.name for v in VARIABLES]
    assert len(set(names)) == len(names)
    assert {d for v in (*VARIABLES, LABELS) for d in v.dims} == set(schema.DIMENSIONS)
    assert all(v.prose and v.unit and np.dtype(v.dtype).itemsize in (2, 4, 8) for v in VARIABLES)


def test_every_field_of_a_record_is_stored() -> None:
    stored = {v.field for v in VARIABLES} | {"labels", "scalars"}
    assert {f.name for f in fields(ParticleRecord)} <= stored


@pytest.mark.parametrize("index", [0, 1, 2])
def test_rows_come_back_as_the_same_record(index: int) -> None:
    made = record(index)
    parts = schema.rows(made)
    assert all(parts[v.name].dtype == f"<{v.dtype}" for v in VARIABLES if v.name in parts)
    back = schema.record_from(parts, made.labels)
    for field in fields(ParticleRecord):
        if field.name != "scalars":
            assert np.array_equal(getattr(back, field.name), getattr(made, field.name)), field.name
    assert back.scalars == dict(made.scalars)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"position": np.zeros((5, 2))},
            r"particle 4: grains/position has shape \(5, 2\), expected \(5, 3\)",
        ),
        ({"halo_angle": np.zeros(99)}, "halo/angle has shape"),
        ({"coefficients": np.full(100, np.nan)}, "shell/coefficients holds nan"),
        ({"volume": np.full(5, 1e300)}, "grains/volume holds 1e.300, which is not a f4"),
        ({"components": np.full(5, 70_000)}, "grains/components holds 70000, which is not a u2"),
        ({"components": np.full(5, -1)}, "grains/components holds -1"),
        ({"components": np.full(5, 1.5)}, "grains/components holds 1.5"),
        ({"scalars": {}}, "particle 4: scalars lacks 'volume_um3'"),
    ],
)
def test_records_that_do_not_fit_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        schema.rows(replace(record(4), **change))


def test_labels_that_do_not_fit_are_refused() -> None:
    good = record(4)
    assert good.labels is not None
    for labels, said in (
        (None, "labels are missing"),
        (good.labels[1:], "expected uint16 or uint32"),
        (good.labels.astype(np.int32), "labels are int32"),
        (good.labels + np.uint16(6), r"labels reach \d+, but the particle has 5 grains"),
    ):
        with pytest.raises(InputError, match=said):
            schema.check_labels(replace(good, labels=labels))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": 0}, "count = 0, expected more than 0"),
        ({"count": True}, "count = True, expected int"),
        ({"shard_size": "8"}, "shard_size = '8', expected int"),
        ({"voxel_size": float("nan")}, "voxel_size = nan"),
        ({"labels": 1}, "labels = 1, expected bool"),
        ({"format_version": 99}, "format version 99, this program reads 4 to 5: update"),
        (
            {"format_version": 1},
            "format version 1, this program reads 4 to 5: made by an earlier one, generate it again",
        ),
    ],
)
def test_bad_recipes_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=rf"^here: .*{said}"):
        schema.check_recipe(recipe(**change), "here")


def test_the_format_page_is_up_to_date() -> None:
    script = Path(__file__).parents[1] / "scripts" / "make" / "format_page.py"
    spec = importlib.util.spec_from_file_location("format_page", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run python scripts/make/format_page.py"
