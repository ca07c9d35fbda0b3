"""The data card of a released library (README.md): what is in it, where it comes from, how to check and remake it.

Where the shells, grains and orientations come from is said in the words of the model file; what was rejected and how
the descriptors lie is counted in the library.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nmcfast.export import formats, release
from nmcfast.export.split import RULE
from nmcfast.library.summary import DESCRIPTORS, REJECTIONS
from nmcfast.release.facts import PAPER, Facts
from nmcfast.shells.law import OrderLaw

_UNITS = {
    "d_max": "µm",
    "shell_volume_um3": "µm³",
    "volume_um3": "µm³",
    "grain_volume_median": "µm³",
    "c_angle_mean": "rad",
}
_REASONS = {
    "rejected_size": "size law gave no size above 0",
    "rejected_radius": "a radius not above 0",
    "rejected_volume": "smaller than the model's smallest",
    "rejected_where": "not what the condition asks for",
    "rejected_grains": "no grain with its centre inside",
}
_OPEN = {
    "zarr": 'import zarr\n\nshard = zarr.open_group("{path}/shards/000000", mode="r")  # Zarr v3, any reader of it\n'
    'shard["particles/sphericity"][:]',
    "hdf5": 'import h5py\n\nh5py.File("{path}/library.h5")["particles/sphericity"][:]  # or ParaView: shard.h5',
    "vtu": 'import meshio  # or ParaView: library.pvd\n\nmeshio.read("{path}/shards/000000/{first:06d}.vtu")',
}


def data_card(facts: Facts) -> str:
    """README.md of a release; its head is what data hubs read."""
    said = facts.settings
    head = {"license": said.license.lower(), "pretty_name": said.title}
    lines = [
        "---",
        *(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in head.items()),
        f"configs:\n- config_name: index\n  data_files: {release.INDEX}",
        "---",
        f"# {said.title}\n",
        f"Version {said.version}, {said.date}. {said.license_title} ({said.license})."
        + (f" By {'; '.join(said.creators)}." if said.creators else "")
        + (f" doi {said.doi}." if said.doi else "")
        + "\n",
        f"{facts.description}\n",
        *_contents(facts),
        *_origin(facts),
        *_drawing(facts),
        *_use(facts),
    ]
    return "\n".join(lines) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in lines) + "\n"


def _contents(facts: Facts) -> list[str]:
    columns = (*DESCRIPTORS, "grain_volume_median", "c_angle_mean")
    spread = (
        (f"{name} {f'({_UNITS[name]})' if name in _UNITS else ''}".rstrip(), *_quantiles(facts.index[name]))
        for name in columns
    )
    return [
        "## What it holds\n",
        _table(("descriptor", "5 %", "median", "95 %"), spread),
        f"d_max, compactness, aspect ratio and sphericity are Eqs. (17) to (20) of the article; {release.INDEX} has "
        "all columns, one row a particle, with units and meaning in its schema.\n",
        _table(("attribute", "value"), facts.attributes.items()),
    ]


def _quantiles(values: np.ndarray) -> list[str]:
    known = values[np.isfinite(values)].astype(float)
    return [f"{q:.4g}" for q in np.quantile(known, (0.05, 0.5, 0.95))] if len(known) else ["–"] * 3


def _origin(facts: Facts) -> list[str]:
    said = facts.model.provenance
    parts = {"outer shell": "shell", "grains": "grains", "crystal orientations": "texture"}
    law, grains = facts.model.shell, facts.model.grains
    rows = [(part, said.get(key) or "**the model file does not say**") for part, key in parts.items()]
    others = [
        (name, value)
        for name, value in sorted(said.items())
        if isinstance(value, str | int | float) and name not in parts.values()
    ]
    texture = ", ".join(f"{name} {value}" for name, value in grains.texture.to_dict().items())
    return [
        "## What is fitted, what is assumed, what is estimated\n",
        f"In the words of the model file, `{facts.recipe['model_name']}`, SHA-256 {facts.recipe['model_sha256']}:\n",
        _table(("part", "where it comes from"), rows),
        "Law of the shell's coefficients, order by order, with the standing of each:\n",
        _table(("order", "law", "standing"), _orders(law.orders)),
        f"{_JOINT if law.law == 'joint' else f'Coefficients are {law.law}'}, one unit is {law.unit_um:g} µm. "
        f"Grains: {grains.mu:.6g} seeds per pixel³ of {grains.pixel_um:g} µm, norm {grains.norm},"
        f" {grains.arrangement}. "
        f"Orientations: {texture}.\n",
        *([_table(("the model file also says", ""), others)] if others else []),
        "All of it: `nmcfast info`; pages it names as docs/… are those of nmcfast.\n",
    ]


_JOINT = "Law joint: order 0 is ρ, order l the logarithm of its energy; correlations are in the model file"


def _orders(orders: Iterable[OrderLaw]) -> Iterable[tuple[Any, ...]]:
    for number, order in enumerate(orders):
        law = order.to_dict()
        said = ", ".join(f"{name} {value:g}" for name, value in law["parameters"].items())
        yield number, f"{law['family']}: {said}", law["standing"]


def _drawing(facts: Facts) -> list[str]:
    index = facts.index
    rejected = {name: int(index[name].sum()) for name in REJECTIONS}
    drawn, kept = facts.particles + sum(rejected.values()), int(index["grains"].sum())
    reasons = "; ".join(f"{_REASONS[name]}, {count}" for name, count in rejected.items() if count)
    return [
        "## Known deviations\n",
        f"- Shells drawn for these {facts.particles} particles: {drawn}; rejected: {drawn - facts.particles}"
        + (f" ({reasons}). What is kept does not follow the law that is drawn from." if reasons else "."),
        *_surface(facts),
        f"- {int(index['disconnected'].sum())} of {kept} grains have more than one part (`disconnected`, "
        f"`grains/components`); {int(index['empty_seeds'].sum())} seeds in a shell had a grain without a voxel of "
        f"{facts.recipe['grid_size']:g} µm, and are left out.\n",
    ]


def _surface(facts: Facts) -> list[str]:
    """Where particles end, and what became of crumbs."""
    recipe, index = facts.recipe, facts.index
    if recipe["surface"] == "grains":
        return [
            "- A particle is the union of the grains whose centre of mass lies in its shell: its surface is made of "
            "grain faces, not of the shell."
        ]
    crumbs, small = int(index["crumbs"].sum()), int(index["small_grains"].sum())
    return [
        "- A particle is the inside of its shell, shared out among the grains whose centre of mass lies in it. The "
        "article's own particles are the union of these grains.",
        f"- {crumbs} crumbs of grains, {int(index['crumb_voxels'].sum())} voxels, were given to neighbours, "
        f"{int(index['loose_voxels'].sum())} loose voxels taken away; {small} grains of fewer than "
        f"{recipe['smallest_grain']} voxels left their place to others.",
    ]


def _use(facts: Facts) -> list[str]:
    recipe = facts.recipe
    opened = _OPEN[recipe["format"]].format(path="PATH", first=recipe["first"])
    return [
        "## Open it\n",
        "```python",
        'import nmcfast  # PATH is this folder\n\nlibrary = nmcfast.open_library("PATH")',
        f"library[{recipe['first']}].grains.volume, library.query(\"sphericity > 0.9 and split == 'train'\")",
        "```\n```python",
        opened,
        "```\n```python",
        f'import pyarrow.parquet as pq\n\npq.read_table("PATH/{release.INDEX}", filters=[("split", "=", "train")])',
        "```\n",
        "## Train, val, test\n",
        f"{', '.join(f'{count} {part}' for part, count in facts.parts.items())}: column `split`. {RULE}.\n",
        "## Check it, and generate it again\n",
        "```sh",
        f"sha256sum -c --quiet {release.SUMS}       # every file, without any program of ours",
        "nmcfast verify .                      # every checksum, shape, label and count",
        "nmcfast reproduce . --output again    # generates it from its recipe and compares every byte",
        "```\n",
        f"`zarr.json`, `model.safetensors` and `complete.json` are enough for the last: whoever has only these three "
        f"files gets the whole library, and the proof that it is this one, root hash `{facts.root_sha256}`. The bytes "
        f"depend on the programs that encode them: {_programs(recipe)}.\n",
        "## Cite\n",
        f"This data set as {release.CITATION} says, and {PAPER}.",
    ]


def _programs(recipe: Mapping[str, Any]) -> str:
    names = ["nmcfast", *formats.bulk_module(recipe["format"]).encoders()]
    return ", ".join(f"{name} {recipe[name]}" for name in names if name in recipe)
