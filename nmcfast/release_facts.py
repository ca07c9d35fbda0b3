"""What the documents of a release are made of: what its maker says of it, and what the library says of itself."""

import re
from dataclasses import asdict, dataclass, fields
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from nmcfast.errors import InputError
from nmcfast.export.split import PARTS
from nmcfast.model import Model

PAPER_DOI = "10.1038/s43246-024-00728-5"
PAPER = (
    "Fuchs et al., Generating multi-scale Li-ion battery cathode particles with radial grain architectures using "
    f"stereological generative adversarial networks, Communications Materials 6 (2025), doi {PAPER_DOI}"
)
# Licences for data, by their SPDX name: title and address of the text.
LICENSES = {
    "CC-BY-4.0": ("Creative Commons Attribution 4.0 International", "https://creativecommons.org/licenses/by/4.0/"),
    "CC-BY-SA-4.0": ("Creative Commons Attribution-ShareAlike 4.0 International",
                     "https://creativecommons.org/licenses/by-sa/4.0/"),
    "CC-BY-NC-4.0": ("Creative Commons Attribution-NonCommercial 4.0 International",
                     "https://creativecommons.org/licenses/by-nc/4.0/"),
    "CC0-1.0": ("Creative Commons Zero 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/"),
}  # fmt: skip
_RULES = {
    "title": (r"\S.*", "a line of text"),
    "version": (r"\d+\.\d+\.\d+\S*", "a semantic version such as 1.0.0"),
    "date": (r"\d{4}-\d\d-\d\d", "a day, YYYY-MM-DD"),
    "license": ("|".join(map(re.escape, LICENSES)), f"one of {', '.join(LICENSES)}"),
    "url": (r"https?://\S+", "an address, http(s)://…"),
    "doi": (r"10\.\d{4,9}/\S+", "a DOI, 10.…/…"),
    "material": (r"\S.*", "a line of text"),
}


@dataclass(frozen=True)
class Settings:
    """What the maker of a release says of it. url and doi may be "", creators empty: `Family, Given` or a name."""

    title: str
    version: str
    date: str
    license: str
    creators: tuple[str, ...]
    url: str
    doi: str
    material: str

    def __post_init__(self) -> None:
        for name, (pattern, expected) in _RULES.items():
            value = getattr(self, name)
            if value == "" and name in ("url", "doi"):
                continue
            if not (isinstance(value, str) and re.fullmatch(pattern, value) and value.isprintable()):
                raise InputError(f"{name}: found {value!r}, expected {expected}")
        try:
            date.fromisoformat(self.date)
        except ValueError:
            raise InputError(f"date: found {self.date!r}, expected a day, YYYY-MM-DD") from None
        for creator in self.creators:
            if not (isinstance(creator, str) and creator.strip() and creator.isprintable()):
                raise InputError(f"creator: found {creator!r}, expected a name, 'Family, Given' for a person")

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "creators": list(self.creators)}

    @classmethod
    def from_dict(cls, said: Any, where: str) -> "Settings":
        """The settings of an earlier release; InputError naming where they stand."""
        names = [f.name for f in fields(cls)]
        if not isinstance(said, dict) or sorted(said) != sorted(names) or not isinstance(said["creators"], list):
            raise InputError(f"{where}: does not hold {', '.join(names)}: remove it to release anew")
        try:
            return cls(**{**said, "creators": tuple(said["creators"])})
        except InputError as error:
            raise InputError(f"{where}: {error}") from None

    @property
    def license_title(self) -> str:
        return LICENSES[self.license][0]

    @property
    def license_url(self) -> str:
        return LICENSES[self.license][1]

    @property
    def address(self) -> str:
        """Where the release is to be found, "" when nobody said."""
        return self.url or (f"https://doi.org/{self.doi}" if self.doi else "")

    @property
    def people(self) -> list[tuple[str, str]]:
        """(family, given) of each creator; given is "" for an organisation or a name in one part."""
        parts = (creator.partition(",") for creator in self.creators)
        return [(family.strip(), given.strip()) for family, _, given in parts]


@dataclass(frozen=True, eq=False)
class Facts:
    """A finished library as its documents see it: recipe, model, root hash, index (one row a particle), bytes of its
    shards, SHA-256 and size of each file beside them.
    """

    settings: Settings
    recipe: dict[str, Any]
    model: Model
    root_sha256: str
    index: np.ndarray
    bytes: int
    files: dict[str, tuple[str, int]]

    @property
    def particles(self) -> int:
        return len(self.index)

    @cached_property
    def parts(self) -> dict[str, int]:
        """Particles of each part of the split."""
        return {part: int(np.count_nonzero(self.index["split"] == part)) for part in PARTS}

    @property
    def description(self) -> str:
        """One paragraph: what is in it and how it was made."""
        recipe, grains = self.recipe, int(self.index["grains"].sum())
        labels = f"label volumes of {recipe['voxel_size']:g} µm voxels" if recipe["labels"] else "no label volumes"
        return (
            f"{self.particles} virtual cathode particles with {grains} grains, generated by nmcfast "
            f"{recipe.get('nmcfast', '')} from the model {recipe['model_name']} and seed {recipe['seed']}, particles "
            f"{recipe['first']} to {recipe['first'] + recipe['count'] - 1}. Each is stored as spherical harmonics of "
            f"its shell and as analytic grains (seed, metric, weight, orientation, volume), with {labels}. Format: "
            f"{recipe['format']}, in shards of {recipe['shard_size']}. Anyone can generate it again, byte for byte: "
            f"root hash {self.root_sha256}."
        )

    @cached_property
    def attributes(self) -> dict[str, str]:
        """The library in the words of NREL's microstructure library."""
        recipe, texture = self.recipe, self.model.grains.texture
        return {
            "Voxel_size": f"{recipe['voxel_size']:g} µm" if recipe["labels"] else "analytic, no voxels stored",
            "Type": "Positive electrode particles with grain labels",
            "Scale": "Particle and grain",
            "Source": "Generated",
            "Numerical_generation_method": (
                "Random star-shaped shells from spherical harmonics, grains by a generalised balanced power diagram "
                "whose markers a stereological generative adversarial network gives"
            ),
            "Cathode_material": self.settings.material,
            "Particle_morphology": f"Polycrystalline; crystal orientations: {texture.kind}",
            "Article_DOI": PAPER_DOI,
        }
