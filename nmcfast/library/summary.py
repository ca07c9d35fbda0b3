"""What a library holds, in numbers: for `nmcfast info`."""

from typing import Any

import numpy as np

from nmcfast.arrangement import POISSON
from nmcfast.calibration.grains.verdict import verdict_of
from nmcfast.export import schema
from nmcfast.library.library import Library

DESCRIPTORS = (
    "d_max",
    "compactness",
    "aspect_ratio",
    "sphericity",
    "shell_volume_um3",
    "volume_um3",
    "grains",
)
SURFACES = {
    "shell": "shell: the inside of each shell, shared out among its grains; the paper's own is --surface grains",
    "grains": "grains: the union of the kept grains, section 2.6 of the paper as printed",
}
REJECTIONS = ("rejected_size", "rejected_radius", "rejected_volume", "rejected_where", "rejected_grains")


def summarise(library: Library) -> dict[str, Any]:
    """Recipe, progress, quantiles of the descriptors, rejected shells by reason, provenance; JSON-able."""
    table = library.table
    result: dict[str, Any] = {
        "path": library.name,
        "particles": len(library),
        "finished": len(table),
        "missing_shards": len(library.missing_shards),
        "surface": SURFACES[library.recipe["surface"]],
        "recipe": library.recipe,
    }
    if len(table):
        result["median (5 %, 95 %)"] = {name: _quantiles(table[name]) for name in DESCRIPTORS}
        rejected = {name: int(table[name].sum()) for name in REJECTIONS}
        drawn = len(table) + sum(rejected.values())
        result["shells drawn"] = {
            "drawn": drawn,
            **rejected,
            "rejected_share": sum(rejected.values()) / drawn,
        }
        result["grains"] = {
            "kept": int(table["grains"].sum()),
            "disconnected": int(table["disconnected"].sum()),
            "seeds_without_voxel": int(table["empty_seeds"].sum()),
            **{name.rpartition("/")[2]: int(table[name.rpartition("/")[2]].sum()) for name in schema.MENDED},
        }
    result["seeds"] = str(library.model.grains.arrangement)
    result["grains_verdict"] = verdict_of(library.model.provenance).to_dict()
    result["provenance"] = dict(library.model.provenance)
    return result


def _quantiles(values: np.ndarray) -> str:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{middle:.4g} ({low:.4g}, {high:.4g})"


_SHOWN = {"d_max": "µm", "aspect_ratio": "", "sphericity": "", "volume_um3": "µm³", "grains": ""}


def short_lines(summary: dict[str, Any]) -> list[str]:
    """The summary of `summarise` in some ten lines for a person: what is there first, then how it was made."""
    recipe, missing = summary["recipe"], summary["missing_shards"]
    state = f"{missing} shards missing" if missing else "all shards there"
    lines = [f"{summary['path']}: {summary['finished']} of {summary['particles']} particles, {state}"]
    lines += [f"  {text}" for text in summary["grains_verdict"]["said"]]
    labels = f"labels of {recipe['voxel_size']:g} µm" if recipe["labels"] else "no labels"
    lines.append(f"  made by    model {recipe['model_name']}, seed {recipe['seed']}, nmcfast {recipe['nmcfast']}")
    if summary["seeds"] != str(POISSON):
        lines.append(f"  with       {summary['seeds']}")
    lines.append(f"  stored as  {recipe['format']}, {labels}, shards of {recipe['shard_size']}")
    if summary["finished"]:
        lines += [
            f"  {name:<10} {summary['median (5 %, 95 %)'][name]} {unit}".rstrip() for name, unit in _SHOWN.items()
        ]
        drawn, grains = summary["shells drawn"], summary["grains"]
        chosen = f", taken where {recipe['where']}" if recipe["where"] else ""
        chosen += ", of chosen indices" if recipe["indices"] else ""
        lines.append(f"  shells     {drawn['drawn']} drawn, {drawn['rejected_share']:.1%} rejected{chosen}")
        lines.append(f"  grains     {grains['kept']} kept, {grains['disconnected']} in more than one part")
    lines.append("medians (5 %, 95 %) of particles; recipe, rejections and where the model comes from: --all or --json")
    return lines
