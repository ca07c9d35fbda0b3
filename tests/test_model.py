"""nmcfast/model.py: model files go through bytes unchanged, and bad ones are refused in one clear line."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save

from nmcfast import list_models, load_model
from nmcfast.errors import InputError
from nmcfast.model import Model, model_from_bytes
from nmcfast.shells.shell import Shell, draw_shells
from nmcfast.texture import RADIAL_NMC811, UNIFORM

MODEL = load_model("nmc811")
BYTES = MODEL.to_bytes()


def parts():
    """Header (a dict) and payload of the model file."""
    (size,) = struct.unpack_from("<Q", BYTES)
    return json.loads(BYTES[8 : 8 + size]), BYTES[8 + size :]


def with_head(change):
    """The model file with its JSON metadata changed."""
    header, payload = parts()
    head = json.loads(header["__metadata__"]["nmcfast"])
    change(head)
    header["__metadata__"]["nmcfast"] = json.dumps(head)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + payload


def test_the_default_model_ships_and_says_what_it_is():
    assert "nmc811" in list_models()
    said = json.dumps(dict(MODEL.provenance))
    assert "not on EBSD data" in said and "estimated" in said and MODEL.provenance["command"]
    assert [order.standing for order in MODEL.shell.orders] == ["estimated"] + ["published"] * 9


def test_the_default_model_is_the_same_file_as_ever():
    assert MODEL.digest == "9d3894ac215bd65350f091e302b1b6bc0092139144fdb3ab274f2e51d258dc4c"


def test_the_ct_model_has_joint_shells_and_says_where_they_come_from():
    model = load_model("nmc-ct")
    assert model_from_bytes(model.to_bytes(), "again").shell == model.shell
    assert model.shell.law == "joint" and model.shell.unit_um == 0.398
    assert all(order.standing == "fitted" and order.standard_error for order in model.shell.orders)
    said = model.provenance["shell"]
    assert all(words in said for words in ("calendered", "398 nm", "not NMC811", "MATBOX", "BSD-2-Clause", "ours"))
    assert model.provenance["grains_from"] == {"model": "nmc811", "sha256": MODEL.digest}
    assert np.array_equal(model.grains.net.arrays()[0], MODEL.grains.net.arrays()[0])
    shells, rejected = draw_shells(model.shell, 1, np.arange(300, dtype=np.uint64))
    table = [Shell(row).descriptors() for row in shells[:80]]
    # of CT: docs/results/nmc_ct.md; 80 shells
    assert np.median([row["sphericity"] for row in table]) == pytest.approx(0.934, abs=0.012)
    assert np.median([row["d_max"] for row in table]) == pytest.approx(9.7, abs=0.9)
    assert rejected.sum() <= 3


def test_a_model_survives_its_file():
    again = model_from_bytes(BYTES, "again")
    assert again.to_bytes() == BYTES and again.digest == MODEL.digest
    assert again.shell == MODEL.shell and again.grains.mu == MODEL.grains.mu
    for a, b in zip(again.grains.net.arrays(), MODEL.grains.net.arrays(), strict=True):
        assert np.array_equal(a, b)


def test_a_file_name_loads_too(tmp_path):
    path = tmp_path / "own.safetensors"
    path.write_bytes(BYTES)
    assert load_model(path).digest == MODEL.digest


def test_unknown_names_are_told_what_ships():
    with pytest.raises(InputError, match=r"'nmc999' is neither a file nor a model that ships \(.*nmc811"):
        load_model("nmc999")


@pytest.mark.parametrize("keep", [0, 4, 8, 100, len(BYTES) // 2, len(BYTES) - 1])
def test_truncated_files(keep):
    with pytest.raises(InputError, match=r"cut\.safetensors: not a whole safetensors file"):
        model_from_bytes(BYTES[:keep], "cut.safetensors")


def test_every_length_of_garbage_is_refused():
    rng = np.random.default_rng(0)
    for size in range(0, 400, 7):
        with pytest.raises(InputError):
            model_from_bytes(rng.bytes(size), "noise")


def test_a_file_of_another_kind():
    with pytest.raises(InputError, match="not of nmcfast"):
        model_from_bytes(save({"weight": np.zeros(3, np.float32)}), "other")


def test_a_later_format():
    with pytest.raises(InputError, match="format: found 'nmcfast model 9'"):
        model_from_bytes(with_head(lambda head: head.update(format="nmcfast model 9")), "new")


@pytest.mark.parametrize("name", ["net.1.weight", "net.0.bias", "net.high"])
def test_weights_that_are_not_numbers(name):
    header, payload = parts()
    first, _ = header[name]["data_offsets"]
    damaged = bytearray(payload)
    damaged[first : first + 4] = np.float32(np.nan).tobytes()
    size = len(BYTES) - len(payload)
    with pytest.raises(InputError, match="not a finite number"):
        model_from_bytes(BYTES[:size] + bytes(damaged), "nan")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("grains", "mu"), -1, "grains.mu: found -1.0, expected a positive number"),
        (("grains", "mu"), "many", "could not convert"),
        (("grains", "norm"), "cubed", "grains.norm"),
        (("grains", "texture"), {"kind": "cubic", "angle_deg": 0, "concentration": 1}, "texture.kind: found 'cubic'"),
        (("grains", "texture"), {"kind": "radial fibre", "angle_deg": 90}, "concentration is missing"),
        (("grains", "layers"), 2, "G_net"),
        (("grains", "layers"), 7, "net.3.weight is missing"),
        (("shell", "law"), "odd", "law"),
        (("shell", "orders"), [], "orders"),
        (("shell", "unit_um"), 0, "unit_um"),
    ],
)
def test_values_that_make_no_sense(path, value, said):
    def change(head):
        head[path[0]][path[1]] = value

    with pytest.raises(InputError, match=rf"bad: .*{said}"):
        model_from_bytes(with_head(change), "bad")


def test_textures_go_through_files_and_files_without_one_are_uniform():
    assert MODEL.grains.texture == RADIAL_NMC811 and "assumed" in MODEL.provenance["texture"]
    assert model_from_bytes(BYTES, "again").grains.texture == RADIAL_NMC811
    old = model_from_bytes(with_head(lambda head: head["grains"].pop("texture")), "old")
    assert old.grains.texture == UNIFORM


def test_missing_parts_are_named():
    for part in ("grains", "shell", "name", "provenance"):
        with pytest.raises(InputError, match=f"{part} is missing"):
            model_from_bytes(with_head(lambda head, part=part: head.pop(part)), "bad")


def test_wrong_shapes_are_named():
    tensors = {
        f"net.{k}.{kind}": getattr(MODEL.grains.net, f"{kind}{'s' if kind == 'weight' else 'es'}")[k]
        for k in range(3)
        for kind in ("weight", "bias")
    }
    tensors |= {f"net.{name}": getattr(MODEL.grains.net, name) for name in ("shift", "scale", "low", "high")}
    tensors["net.1.weight"] = np.zeros((64, 63), np.float32)
    head = parts()[0]["__metadata__"]
    with pytest.raises(InputError, match=r"G_net layer 1: weights are \(64, 63\), expected \(64, 64\)"):
        model_from_bytes(save(tensors, head), "shape")


def test_the_same_model_gives_the_same_bytes():
    copy = Model(MODEL.name, MODEL.shell, MODEL.grains, dict(reversed(list(MODEL.provenance.items()))))
    assert copy.to_bytes() == BYTES
