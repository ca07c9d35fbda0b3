"""Writes docs/format.md from nmcfast.export.schema, so that page, writers and `verify` say the same.

python scripts/make/format_page.py           write the page
python scripts/make/format_page.py --check   exit 1 when the page is not up to date
"""

import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

from nmcfast.export import hdf5, hdf5_file, records, schema, sharding, split, vtu

PAGE = Path(__file__).parents[2] / "docs" / "format.md"

INTRODUCTION = f"""# The library format, version {schema.FORMAT_VERSION}

<!-- made by scripts/make/format_page.py from export/schema.py: edit these -->

A library is a folder of shards. Everything in it is a function of its recipe: no dates, no names of machines.
Lengths are micrometres, coordinates x, y, z with the particle's centre at the origin, label volumes z, y, x.

    lib/zarr.json             a Zarr v3 group in every format; attributes: kind, recipe, recipe_sha256
    lib/model.safetensors     the model, so that the library can make itself again
    lib/shards/000000/        one shard; manifest.json lists its files
    lib/table.npy             made with the last shard: particles/ of all shards, one row a particle
    lib/complete.json         made then, too: SHA-256 of every manifest and of table.npy, root_sha256
    lib/release.json, …       what `nmcfast release` adds, docs/release.md; SHA256SUMS comes last

A shard exists when its folder has its final name; it is written under a hidden name, flushed, and renamed
once. In an object store it exists when its manifest.json does, which is created last.
Without complete.json a missing shard is work to do, with it damage. `nmcfast verify` checks all this.
table.npy, `numpy.load` reads it, says what the shards say: without it, or where it is damaged, they are read instead.
Version 4, without table.npy, is read as well.
Labels are uint16, or uint32 in a shard that has a particle of more than 65,535 grains. Grain volumes are voxel
counts on the model grid; where labels have the same voxel size, label i + 1 has as many voxels as grain i.
Particles of surface shell have no halo grains, a box of the shell as domain and the margin 0: the shell bounds them.

The bytes depend on the versions of what encodes them, which the recipe names: numcodecs; h5py and HDF5; zlib.

## Format `zarr`

A shard is a Zarr v3 group, and the library a hierarchy of them:

    import nmcfast                                 import zarr
    library = nmcfast.open_library("lib.zarr")     shard = zarr.open_group("lib.zarr/shards/000000", mode="r")
    library.table["sphericity"]                    shard["particles/sphericity"][:]
    library.labels(5)                              shard["labels"][5]

Every array is one `sharding_indexed` file: inner chunks `bytes` (little) → `zstd` (level 1) → `crc32c`, index
`bytes` → `crc32c` at the end. Chunks of labels are {" × ".join(map(str, records.LABEL_CHUNK))} voxels of one
particle, and those of 0 are not stored; chunks of tables are whole rows, about
{sharding.CHUNK_BYTES // 1024} KiB.

zarr-python and tensorstore open every array, `xarray.open_datatree(shard, engine="zarr", consolidated=False)` a
whole shard, with a warning of manifest.json, which is no Zarr object.

## Format `hdf5`

A shard is one file, {hdf5.DATA}, which HDF5 1.10 reads: the same arrays under the same names, in chunks of the same
shape, filtered by shuffle, gzip (level {hdf5_file.FILTERS["compression_opts"]}) and fletcher32.
The file {hdf5.LIBRARY_FILES[0]} of a finished library joins the arrays of all shards by virtual datasets;
it holds no labels itself, so keep it beside the folder shards.

    import h5py
    labels = h5py.File("lib.h5/library.h5")["labels"][5]         # padded with 0 to the largest box

| to look at labels, particle by particle | open |
|---|---|
| VTK ≥ 9.3, current ParaView | {hdf5.DATA}, group /VTKHDF; time is the particle's number, its lower corner is at 0 |
| ParaView 5.11, VisIt | {hdf5.VIEW} beside it, with the particle in its place |
| anything with HDF5 | /view/000005, the padded labels of particle 5; its attributes are origin and voxel_size |

## Format `vtu`

A shard is one mesh of hexahedra for each particle, 000005.vtu, the index {vtu.INDEX}, and the tables in
{hdf5.DATA} as above, without labels. {vtu.LIBRARY_FILES[0]} of a finished library is the index
of all meshes; time is the number of the particle. The cells are the voxels of the
grains in their place, lengths in µm; outside is left out.

| cell array | type | content |
|---|---|---|
| grain_id | Int32 | label, 1 … n |
| material | Int32 | the same, first, by the name, and as active scalars: so MFEM takes it as attribute |
| distance | Float32 | distance of the cell's centre to the centre of the particle, µm |
| orientation | Float32 × 4 | quaternion of the grain, as grains/orientation |
| voxel | Int64 | place of the cell in the flattened labels z, y, x; their shape is box_shape, attribute of Piece |

## Train, val, test

{textwrap.fill(split.RULE, 118)}.
Seed and number of the particle alone decide, so it is in the same part in every library, format and slice: particles
of the same random numbers never lie on both sides, whatever the model. `library.split("train")` gives the numbers.
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
    index = ((f"`{v.leaf}`", v.dtype, v.unit, v.source, v.prose) for v in schema.INDEX)
    recipe = ((f"`{name}`", kind.__name__, prose) for name, (kind, prose) in schema.RECIPE.items())
    dimensions = ((name, prose) for name, prose in schema.DIMENSIONS.items())
    sections = (
        table("Arrays of a shard", "array | dimensions | dtype | unit | source | content", arrays),
        table(
            "Columns that the index has beside those of particles/", "column | dtype | unit | source | content", index
        ),
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
    print(f"{PAGE.name} is {'up to date' if current else 'out of date: run python scripts/make/format_page.py'}")
    return 0 if current else 1


if __name__ == "__main__":
    raise SystemExit(main())
