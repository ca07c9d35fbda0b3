"""Where a particle ends, and what becomes of the crumbs of its grains: a choice beside the model, stored in recipes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nmcfast.errors import InputError
from nmcfast.options import PARTS, SURFACES, GenerateOptions


@dataclass(frozen=True)
class Surface:
    """How kept grains become a particle.

    kind "grains": section 2.6 as printed, the union of the kept grains. kind "shell": the inside of the shell, shared
    out among the kept grains by Eq. (8). parts "merge": crumbs, the face-connected parts of a grain but its largest,
    go to neighbours on the grid that is asked for; "keep": labels as Eq. (8) has them. smallest_grain: voxels of the
    model grid; kept grains of fewer leave their place to what comes next by Eq. (8). Both are for "shell" alone.
    """

    kind: str = GenerateOptions.surface  # the default by figures: docs/results/surfaces.md
    parts: str = "merge"
    smallest_grain: int = GenerateOptions.smallest_grain

    def __post_init__(self) -> None:
        if self.kind not in SURFACES:
            raise InputError(f"surface: found {self.kind!r}, expected one of {', '.join(SURFACES)}")
        if self.parts not in PARTS:
            raise InputError(f"parts: found {self.parts!r}, expected one of {', '.join(PARTS)}")
        if self.smallest_grain < 1:
            raise InputError(f"smallest_grain: found {self.smallest_grain}, expected 1 voxel or more")
        if self.kind == "grains" and (self.parts, self.smallest_grain) != ("keep", 1):
            raise InputError(
                "parts: surface grains is section 2.6 as printed, grains as they are; use --surface shell, or "
                "--parts keep and --smallest-grain 1"
            )

    @classmethod
    def of(
        cls,
        kind: str = GenerateOptions.surface,
        parts: str | None = None,
        smallest_grain: int = GenerateOptions.smallest_grain,
    ) -> "Surface":
        """The choice; parts None: crumbs are merged where the surface is the shell."""
        return cls(kind, parts or ("keep" if kind == "grains" else "merge"), smallest_grain)

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any]) -> "Surface":
        """The choice that a recipe holds."""
        return cls(recipe["surface"], recipe["parts"], recipe["smallest_grain"])

    def to_recipe(self) -> dict[str, Any]:
        """The fields of a recipe that hold it."""
        return {"surface": self.kind, "parts": self.parts, "smallest_grain": self.smallest_grain}
