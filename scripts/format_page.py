"""Writes docs/format.md from nmcfast.export.schema, so that page, writers and `verify` say the same.

python scripts/format_page.py           write the page
python scripts/format_page.py --check   exit 1 when the page is not up to date
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from nmcfast.export import schema, sharding, zarr

PAGE = Path(__file__).parents[1] / "docs" / "format.md"

INTRODUCTION = f"""# The library format, version {schema.FORMAT_VERSION}

<!-- made by scripts/format_page.py from export/schema.py: edit these -->

A library is a Zarr v3 hierarchy in one folder. Everything in it is a function of its recipe: no dates, no
names of machines. Lengths are micrometres, coordinates x, y, z with the particle's centre at the origin,
label volumes z, y, x.

    lib.zarr/zarr.json             group; attributes: kind, recipe, recipe_sha256
    lib.zarr/model.safetensors     the model, so that the library can make itself again
    lib.zarr/shards/000000/        one shard, a Zarr group of its own; manifest.json lists its files
    lib.zarr/complete.json         made with the last shard: SHA-256 of every manifest, root_sha256

A shard exists when its folder has its final name; it is written under a hidden name, flushed, and renamed
once. Without complete.json a missing shard is work to do, with it damage. `nmcfast verify` checks all this.

    import nmcfast                                 import zarr
    library = nmcfast.open_library("lib.zarr")     shard = zarr.open_group("lib.zarr/shards/000000", mode="r")
    library.table["sphericity"]                    shard["particles/sphericity"][:]
    library.labels(5)                              shard["labels"][5]

## Encoding

Every array is one `sharding_indexed` file: inner chunks `bytes` (little) → `zstd` (level 1) → `crc32c`, index
`bytes` → `crc32c` at the end. Chunks of labels are {" × ".join(map(str, zarr.LABEL_CHUNK))} voxels of one
particle, and those of 0 are not stored; chunks of tables are whole rows, about
{sharding.CHUNK_BYTES // 1024} KiB. Labels are uint16, or uint32 in a shard that has a particle of more than
65,535 grains. Grain volumes are voxel counts on the model grid; where labels have the same voxel size, label
i + 1 has as many voxels as grain i.

The bytes depend on the version of the zstd library in numcodecs, so a recipe should name that version.
"""


def table(title: str, head: str, rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown section with one table; head names its columns, separated by |."""
    rule = "|".join(["---"] * (head.count("|") + 1))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"## {title}", "", f"| {head} |", f"|{rule}|", *lines, ""])


def page() -> str:
    arrays = (
        (f"`{v.name}`", ", ".join(v.dims), v.dtype, v.unit, v.source, v.prose)
        for v in (*schema.VARIABLES, schema.LABELS)
    )
    recipe = ((f"`{name}`", kind.__name__, prose) for name, (kind, prose) in schema.RECIPE.items())
    dimensions = ((name, prose) for name, prose in schema.DIMENSIONS.items())
    sections = (
        table("Arrays of a shard", "array | dimensions | dtype | unit | source | content", arrays),
        table("Dimensions", "name | meaning", dimensions),
        table("Recipe", "field | type | content", recipe),
    )
    return "\n".join([INTRODUCTION, *sections])


def main() -> int:
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
        print(f"wrote {PAGE.name}")
        return 0
    current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
    print(f"{PAGE.name} is {'up to date' if current else 'out of date: run python scripts/format_page.py'}")
    return 0 if current else 1


if __name__ == "__main__":
    raise SystemExit(main())
