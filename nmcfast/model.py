"""Models: a shell law and a grain law with their provenance, one safetensors file each."""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.arrangement import POISSON, Arrangement, Profile
from nmcfast.errors import InputError
from nmcfast.markers import MarkerNet
from nmcfast.shells.joint_law import read_law
from nmcfast.shells.law import Law
from nmcfast.tessellation import NORMS
from nmcfast.texture import UNIFORM, Texture

FORMAT = "nmcfast model 1"
WIDER = "nmcfast model 2"  # of a law whose seeds are arranged: a program that knows 1 alone must not draw it


@dataclass(frozen=True, eq=False)
class GrainLaw:
    """Law of the grain architecture, section 2.4: Poisson seeds and the net that gives them markers.

    mu seeds per pixel³, pixel_um µm, norm of Eq. (8), texture: law of the crystal orientations. reach and extent,
    pixels: how far kept grains stick out of a shell, and voxels of one lie from its seed (see overlay); they set how
    much is drawn, not what comes out. arrangement: what seeds have beyond a Poisson process, ours.
    """

    net: MarkerNet
    mu: float
    pixel_um: float
    norm: str = "unsquared"
    reach: float = 10.0
    extent: float = 20.0
    texture: Texture = UNIFORM
    arrangement: Arrangement = POISSON

    def __post_init__(self) -> None:
        for name in ("mu", "pixel_um", "reach", "extent"):
            value = getattr(self, name)
            if not (isinstance(value, float) and np.isfinite(value) and value > 0):
                raise InputError(f"grains.{name}: found {value!r}, expected a positive number")
        if self.norm not in NORMS:
            raise InputError(f"grains.norm: found {self.norm!r}, expected one of {', '.join(NORMS)}")


@dataclass(frozen=True, eq=False)
class Model:
    """A particle model: shell law, grain law, and where both come from (JSON-able)."""

    name: str
    shell: Law
    grains: GrainLaw
    provenance: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """The model file: the same model gives the same bytes."""
        from safetensors.numpy import save

        net, law = self.grains.net, self.grains
        tensors = {"net.shift": net.shift, "net.scale": net.scale, "net.low": net.low, "net.high": net.high}
        for k, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
            tensors[f"net.{k}.weight"], tensors[f"net.{k}.bias"] = weight, bias
        tensors |= _profile_tensors(law.arrangement.profile)
        head = {
            "format": FORMAT if law.arrangement.plain else WIDER,
            "name": self.name,
            "shell": self.shell.to_dict(),
            "grains": {
                "mu": law.mu,
                "pixel_um": law.pixel_um,
                "norm": law.norm,
                "reach": law.reach,
                "extent": law.extent,
                "layers": len(net.weights),
                "with_radius": net.with_radius,
                "with_noise": net.with_noise,
                "texture": law.texture.to_dict(),
                **_arrangement_numbers(law.arrangement),
            },
            "provenance": dict(self.provenance),
        }
        text = json.dumps(head, sort_keys=True, ensure_ascii=True)
        return save({k: np.ascontiguousarray(v, np.float32) for k, v in tensors.items()}, {"nmcfast": text})

    @property
    def digest(self) -> str:
        """SHA-256 of the model file."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def list_models() -> list[str]:
    """Names of the models that ship."""
    folder = resources.files("nmcfast") / "models"
    return sorted(f.name.removesuffix(".safetensors") for f in folder.iterdir() if f.name.endswith(".safetensors"))


def load_model(name: str | Path) -> Model:
    """The model of a name that ships, or of a file.

    Raises InputError for an unknown name and for a file that is not a whole model file, naming what is wrong.
    """
    if str(name) in list_models():
        data = (resources.files("nmcfast") / "models" / f"{name}.safetensors").read_bytes()
        return model_from_bytes(data, str(name))
    path = Path(name)
    if not path.is_file():
        ship = ", ".join(list_models())
        raise InputError(f"model: {str(name)!r} is neither a file nor a model that ships ({ship})")
    try:
        return model_from_bytes(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def model_from_bytes(data: bytes, where: str) -> Model:
    """The model in the bytes of a model file; `where` names it in errors."""
    try:
        tensors, head = _read(data)
        return _model(tensors, head)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _read(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        (size,) = struct.unpack_from("<Q", data)
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__") or {}
        head = json.loads(metadata["nmcfast"])
    except (SafetensorError, struct.error, ValueError) as error:
        raise InputError(f"not a whole safetensors file ({error}); fetch or make it again") from None
    except KeyError:
        raise InputError("a safetensors file, but not of nmcfast: its metadata lack 'nmcfast'") from None
    found = head.get("format") if isinstance(head, dict) else head
    if found not in (FORMAT, WIDER):
        raise InputError(f"format: found {found!r}, expected {FORMAT!r} or {WIDER!r}")
    return tensors, head


def _model(tensors: Mapping[str, np.ndarray], head: Mapping[str, Any]) -> Model:
    for name, array in tensors.items():
        if array.dtype != np.float32:
            raise InputError(f"{name}: found numbers of type {array.dtype}, expected float32")
    if not isinstance(head.get("provenance", {}), dict):
        raise InputError(f"provenance: found {head['provenance']!r}, expected a JSON object")
    try:
        law, layers = head["grains"], int(head["grains"]["layers"])
        net = MarkerNet(
            tuple(tensors[f"net.{k}.weight"] for k in range(layers)),
            tuple(tensors[f"net.{k}.bias"] for k in range(layers)),
            shift=tensors["net.shift"],
            scale=tensors["net.scale"],
            low=tensors["net.low"],
            high=tensors["net.high"],
            with_radius=bool(law["with_radius"]),
            with_noise=bool(law["with_noise"]),
        )
        numbers = {name: float(law[name]) for name in ("mu", "pixel_um", "reach", "extent")}
        texture = Texture.from_dict(law.get("texture", {"kind": "uniform"}))  # older files say nothing
        arrangement = _arrangement(tensors, law) if head["format"] == WIDER else POISSON
        grains = GrainLaw(net, norm=str(law["norm"]), texture=texture, arrangement=arrangement, **numbers)
        return Model(str(head["name"]), read_law(head["shell"]), grains, head["provenance"])
    except KeyError as error:
        raise InputError(f"{error.args[0]} is missing") from None
    except (TypeError, ValueError, IndexError) as error:
        raise InputError(str(error)) from None


def _profile_tensors(profile: Profile | None) -> dict[str, np.ndarray]:
    """A profile as the file has it: (k, 3) of density, along, across."""
    if profile is None:
        return {}
    return {"profile": np.stack([profile.density, profile.along, profile.across], axis=1)}


def _arrangement_numbers(arrangement: Arrangement) -> dict[str, float]:
    """What the head of a file says of an arrangement; nothing of Poisson seeds, as before there were others."""
    numbers = {} if arrangement.plain else {"regularity": arrangement.regularity}
    return numbers if arrangement.profile is None else {**numbers, "profile_end": arrangement.profile.end}


def _arrangement(tensors: Mapping[str, np.ndarray], law: Mapping[str, Any]) -> Arrangement:
    profile = None
    if "profile" in tensors:
        table = tensors["profile"]
        if table.ndim != 2 or table.shape[1] != 3:
            raise InputError(f"profile: found shape {table.shape}, expected (knots, 3)")
        columns = (np.ascontiguousarray(column) for column in table.T)
        profile = Profile(float(law["profile_end"]), *columns)
    return Arrangement(float(law["regularity"]), profile)
