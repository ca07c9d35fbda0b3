"""Every stored array, said once: name, dimensions, dtype, unit, equation and one line of prose.

Writers, readers, `verify`, the attributes of the arrays and docs/format.md are all made from `VARIABLES`.
A new column is one line here and one entry of `ParticleRecord.scalars`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from nmcfast.errors import FormatVersionError, InputError
from nmcfast.export.stream import count_in

# 2: grains/orientation, particles/domain_*, particles/margin; 3: labels in nm, VTU for MFEM; 4: surface, crumbs;
# 5: table.npy
FORMAT_VERSION = 5
READ_SINCE = 4  # versions before are refused
COEFFICIENTS = 100  # (L + 1)² real spherical harmonics, L = 9, Eq. (7)

DIMENSIONS = {
    "p": "particles of the shard",
    "pointer": "particles of the shard + 1",
    "c": "coefficients of the shell, index l² + l + m",
    "g": "kept grains of all particles of the shard, one particle after the other",
    "h": "halo grains of all particles of the shard, one particle after the other",
    "xyz": "coordinates x, y, z",
    "zyx": "number of voxels along z, y, x",
    "axis": "principal axes of a grain, the first along the radius",
    "quaternion": "w, x, y, z of a unit quaternion, w ≥ 0, that turns crystal axes into the particle's",
    "z": "voxels along z, padded with 0 to the largest box of the shard",
    "y": "voxels along y, padded likewise",
    "x": "voxels along x, padded likewise",
}
_FIXED = {"c": COEFFICIENTS, "xyz": 3, "zyx": 3, "axis": 3, "quaternion": 4}


@dataclass(frozen=True)
class Variable:
    """One stored array. `source` is the paper's equation or section, `dtype` a NumPy code, little-endian."""

    name: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    source: str
    prose: str

    @property
    def leaf(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def field(self) -> str:
        """Where a `ParticleRecord` holds it: an attribute, or a key of `scalars`."""
        return f"halo_{self.leaf}" if self.name.startswith("halo/") else self.leaf


# fmt: off
VARIABLES = tuple(Variable(name, tuple(dims.split()), *said) for name, dims, *said in (
    ("particles/index", "p", "u8", "1", "", "number of the particle in the library"),
    ("particles/grains", "p", "u4", "1", "Sec. 2.6", "kept grains"),
    ("particles/halo", "p", "u4", "1", "Eq. (8)", "halo grains, which bound the kept ones"),
    ("particles/grain_start", "pointer", "u8", "1", "", "first row in grains/ of each particle; the end"),
    ("particles/halo_start", "pointer", "u8", "1", "", "likewise in halo/"),
    ("particles/box_shape", "p zyx", "u4", "1", "", "voxels of the particle's box"),
    ("particles/box_origin", "p xyz", "f8", "µm", "", "its lower corner; voxel centres at + (k + 0.5) h"),
    ("particles/domain_lower", "p xyz", "f8", "µm", "Sec. 2.6", "where grains (and halo) say whose a point is: from"),
    ("particles/domain_upper", "p xyz", "f8", "µm", "Sec. 2.6", "to; 2 model voxels around the grains"),
    ("particles/volume_um3", "p", "f8", "µm³", "Sec. 2.6", "volume of the kept grains together"),
    ("particles/shell_volume_um3", "p", "f8", "µm³", "Eq. (7)", "volume of the shell"),
    ("particles/shell_surface_um2", "p", "f8", "µm²", "Eq. (7)", "surface area of the shell"),
    ("particles/d_max", "p", "f4", "µm", "Eq. (17)", "largest diameter of the shell"),
    ("particles/compactness", "p", "f4", "1", "Eq. (18)", "its volume over that of its convex hull"),
    ("particles/aspect_ratio", "p", "f4", "1", "Eq. (19)", "aspect ratio of the shell"),
    ("particles/sphericity", "p", "f4", "1", "Eq. (20)", "sphericity of the shell"),
    ("particles/rejected_size", "p", "u4", "1", "Eq. (5)", "shells drawn before it and rejected: Z_00 ≤ 0"),
    ("particles/rejected_radius", "p", "u4", "1", "Eq. (7)", "likewise: a radius ≤ 0"),
    ("particles/rejected_volume", "p", "u4", "1", "Sec. 2.1", "likewise: a volume below 10 voxels"),
    ("particles/rejected_where", "p", "u4", "1", "", "likewise: not what --where asks for"),
    ("particles/rejected_grains", "p", "u4", "1", "Sec. 2.6", "likewise: no centre of mass inside"),
    ("particles/disconnected", "p", "u4", "1", "Eq. (8)", "kept grains of more than one component"),
    ("particles/empty_seeds", "p", "u4", "1", "Eq. (8)", "seeds in the shell whose grain has no voxel"),
    ("particles/crumbs", "p", "u4", "1", "Eq. (8)", "parts of grains given to neighbours, on the model grid"),
    ("particles/crumb_voxels", "p", "u4", "1", "Eq. (8)", "model voxels of these"),
    ("particles/loose_voxels", "p", "u4", "1", "", "model voxels in the shell that touch the rest by no face: 0"),
    ("particles/small_grains", "p", "u4", "1", "", "kept grains below smallest_grain, given away"),
    ("particles/margin", "p", "f8", "µm", "Sec. 2.6", "how far around the shell the domain holds"),
    ("particles/stream_index", "p", "u8", "1", "", "its number in the stream of the seed; another only by --indices"),
    ("shell/coefficients", "p c", "f4", "µm", "Eq. (7)", "coefficients of the shell"),
    ("grains/position", "g xyz", "f4", "µm", "Eq. (8)", "seed s"),
    ("grains/diagonal", "g axis", "f4", "µm⁻²", "Eq. (12)", "diagonal of D, M = Qᵀ D Q"),
    ("grains/offset", "g", "f4", "1", "Eq. (8)", "additive weight r"),
    ("grains/angle", "g", "f4", "rad", "Eq. (12)", "rotation γ of the frame about the radius"),
    ("grains/centroid", "g xyz", "f4", "µm", "Sec. 2.6", "centre of mass on the model grid"),
    ("grains/volume", "g", "f4", "µm³", "Sec. 2.6", "volume on the model grid"),
    ("grains/orientation", "g quaternion", "f4", "1", "", "orientation of the crystal, docs/conventions.md"),
    ("grains/components", "g", "u2", "1", "Eq. (8)", "connected components on the model grid"),
    ("halo/position", "h xyz", "f4", "µm", "Eq. (8)", "seed s"),
    ("halo/diagonal", "h axis", "f4", "µm⁻²", "Eq. (12)", "diagonal of D"),
    ("halo/offset", "h", "f4", "1", "Eq. (8)", "additive weight r"),
    ("halo/angle", "h", "f4", "rad", "Eq. (12)", "rotation γ of the frame about the radius"),
))
# What the index of a library has beside the columns of particles/: see nmcfast/library/index.py.
INDEX = tuple(Variable(f"index/{name}", ("p",), *said) for name, *said in (
    ("shard", "u4", "1", "", "number of the particle's shard"),
    ("row", "u4", "1", "", "its row in the arrays of that shard"),
    ("split", "U5", "1", "", "train, val or test, as the format fixes it"),
    ("grain_volume_mean", "f4", "µm³", "Sec. 2.6", "mean volume of the kept grains"),
    ("grain_volume_median", "f4", "µm³", "Sec. 2.6", "median of these volumes"),
    ("grain_volume_std", "f4", "µm³", "Sec. 2.6", "standard deviation of these volumes"),
    ("c_angle_mean", "f4", "rad", "", "mean angle of the c-axes to the radius, 0 to π/2, grains weighted by volume"),
    ("c_angle_std", "f4", "rad", "", "standard deviation of these angles, weighted likewise"),
))
# fmt: on
LABELS = Variable("labels", ("p", "z", "y", "x"), "u2", "1", "Eq. (8)", "0 outside, i + 1 in grain i of the particle")
LARGEST_COUNT, LARGEST_SHARDS = 10**9, 10**6  # of a library: no file system lists a folder of more
WIDE_LABELS = "u4"  # dtype of labels when a particle of the shard has more grains than LABELS.dtype can count

# What the store itself reads from a recipe; whoever generates may add more. Values must be JSON.
RECIPE = {
    "format": (str, "file format of the shards"),
    "format_version": (int, "version of the format"),
    "model_name": (str, "name of the model"),
    "model_sha256": (str, "SHA-256 of model.safetensors"),
    "seed": (int, "seed of all random numbers"),
    "first": (int, "number of the first particle"),
    "count": (int, "particles of the library"),
    "shard_size": (int, "particles of a shard; the last may hold fewer"),
    "surface": (str, "where particles end: shell, at their shells; grains, section 2.6 as printed"),
    "parts": (str, "crumbs of grains: merge, given to neighbours; keep, left as Eq. (8) has them"),
    "smallest_grain": (int, "voxels of the model grid; kept grains of fewer are given away"),
    "where": (str, "condition that shells had to meet; empty for none"),
    "indices": (str, "numbers in the stream of the seed, as 7,3,20-31; empty for all from 0 on"),
    "labels": (bool, "whether label volumes are stored"),
    "voxel_size": (float, "voxel size of the labels and boxes, µm"),
    "grid_size": (float, "voxel size of the model grid, on which grain volumes are counted, µm"),
}


@dataclass(frozen=True, eq=False)
class ParticleRecord:
    """One particle as arrays; n kept grains, m halo grains. What is stored of it is what `VARIABLES` lists.

    position, centroid (n, 3) µm; diagonal (n, 3) µm⁻²; offset (n,); angle (n,) rad; volume (n,) µm³;
    orientation (n, 4); components (n,); halo_* likewise (m, …); coefficients (100,) µm; domain_lower, domain_upper,
    box_origin (3,) µm x, y, z; box_shape (3,) voxels z, y, x; labels uint16 or uint32 of that shape, or None.
    scalars holds one number for each name of `SCALARS`.
    """

    index: int
    coefficients: np.ndarray
    position: np.ndarray
    diagonal: np.ndarray
    offset: np.ndarray
    angle: np.ndarray
    centroid: np.ndarray
    volume: np.ndarray
    orientation: np.ndarray
    components: np.ndarray
    halo_position: np.ndarray
    halo_diagonal: np.ndarray
    halo_offset: np.ndarray
    halo_angle: np.ndarray
    domain_lower: np.ndarray
    domain_upper: np.ndarray
    box_origin: np.ndarray
    box_shape: np.ndarray
    labels: np.ndarray | None
    scalars: Mapping[str, float]

    @property
    def grains(self) -> int:
        return len(self.offset)

    @property
    def halo(self) -> int:
        return len(self.halo_offset)


_FIELDS = frozenset(f.name for f in fields(ParticleRecord)) | {"grains", "halo"}
# Each pointer array with the counts it sums up.
POINTED = {"particles/grain_start": "particles/grains", "particles/halo_start": "particles/halo"}
POINTERS = {v.leaf[0]: v for v in VARIABLES if v.name in POINTED}  # by the dimension they cut, g or h
TABLE = tuple(v for v in VARIABLES if v.name.startswith("particles/") and v.dims[0] == "p")
BULK = tuple(v for v in VARIABLES if not v.name.startswith("particles/"))
# What `connect` did; only particles of surface "shell" have something to say.
MENDED = tuple(f"particles/{name}" for name in ("crumbs", "crumb_voxels", "loose_voxels", "small_grains"))
SCALARS = tuple(v.leaf for v in TABLE if v.leaf not in _FIELDS)


def rows(record: ParticleRecord) -> dict[str, np.ndarray]:
    """What a record adds to each array but pointers and labels, by name: shape and dtype are the schema's.

    Raises InputError naming particle and array: wrong shape, not finite, does not fit the dtype.
    """
    sizes = {**_FIXED, "g": record.grains, "h": record.halo}
    stored = (v for v in VARIABLES if v.dims != ("pointer",))
    return {v.name: _cast(v, _value(record, v), sizes, record.index) for v in stored}


def _value(record: ParticleRecord, variable: Variable) -> Any:
    if variable.field in _FIELDS:
        return getattr(record, variable.field)
    if variable.field not in record.scalars:
        raise InputError(f"particle {record.index}: scalars lacks {variable.field!r}; it must hold {list(SCALARS)}")
    return record.scalars[variable.field]


def _cast(variable: Variable, value: Any, sizes: Mapping[str, int], index: int) -> np.ndarray:
    array = np.asarray(value)
    expected = tuple(sizes[d] for d in variable.dims if d != "p")
    if array.shape != expected:
        raise InputError(f"particle {index}: {variable.name} has shape {array.shape}, expected {expected}")
    with np.errstate(over="ignore", invalid="ignore"):  # what does not fit is found below
        stored = array.astype(f"<{variable.dtype}")
    exact = variable.dtype[0] == "u"
    wrong = (stored != array) if exact else ~np.isfinite(stored)
    if wrong.any():
        found = array[wrong].flat[0]
        raise InputError(f"particle {index}: {variable.name} holds {found}, which is not a {variable.dtype} number")
    return stored


def check_labels(record: ParticleRecord) -> np.ndarray:
    """The labels of a record, after checking that they fit its box and its grains; else InputError."""
    labels, where = record.labels, f"particle {record.index}: labels"
    if labels is None:
        raise InputError(f"{where} are missing, but the recipe says labels = true")
    if labels.shape != tuple(record.box_shape) or labels.dtype not in (np.uint16, np.uint32):
        raise InputError(
            f"{where} are {labels.dtype} {labels.shape}, expected uint16 or uint32 {tuple(record.box_shape)}"
        )
    if labels.size and labels.max() > record.grains:
        raise InputError(f"{where} reach {labels.max()}, but the particle has {record.grains} grains")
    return labels


def record_from(parts: Mapping[str, np.ndarray], labels: np.ndarray | None = None) -> ParticleRecord:
    """The record whose `rows` are parts; the inverse of `rows`."""
    named = {v.field: parts[v.name] for v in VARIABLES if v.name in parts}
    scalars = {name: named[name].item() for name in SCALARS}
    arrays = {f.name: named[f.name] for f in fields(ParticleRecord) if f.name in named and f.name != "index"}
    return ParticleRecord(index=int(named["index"]), labels=labels, scalars=scalars, **arrays)


def table_dtype() -> np.dtype:
    """One row of the table of particles: every array of particles/ but the pointers."""
    return np.dtype([(v.leaf, f"<{v.dtype}", tuple(_FIXED[d] for d in v.dims[1:])) for v in TABLE])


def array_shape(variable: Variable, particles: int, grains: int, halo: int) -> tuple[int, ...]:
    """Shape of a variable, not labels, in a shard of so many particles, grains and halo grains."""
    sizes = {**_FIXED, "p": particles, "pointer": particles + 1, "g": grains, "h": halo}
    return tuple(sizes[d] for d in variable.dims)


def check_recipe(recipe: Any, where: str) -> dict[str, Any]:
    """The recipe, when it holds what the store needs; else InputError naming `where`, field and value.

    FormatVersionError when it is of a version of the format that is not read.
    """
    if not isinstance(recipe, dict):
        raise InputError(f"{where}: recipe is {type(recipe).__name__}, expected a JSON object")
    found = recipe.get("format_version")
    if type(found) is int and not READ_SINCE <= found <= FORMAT_VERSION:  # before the fields: others may have others
        remedy = "update nmcfast" if found > FORMAT_VERSION else "made by an earlier one, generate it again"
        read = f"{READ_SINCE} to {FORMAT_VERSION}"
        raise FormatVersionError(f"{where}: format version {found}, this program reads {read}: {remedy}")
    for name, (kind, prose) in RECIPE.items():
        if type(recipe.get(name)) is not kind:  # not isinstance: True is an int
            raise InputError(f"{where}: recipe {name} = {recipe.get(name)!r}, expected {kind.__name__} ({prose})")
    for name in ("count", "shard_size", "voxel_size", "grid_size"):
        if not 0 < recipe[name] < float("inf"):
            raise InputError(f"{where}: recipe {name} = {recipe[name]!r}, expected more than 0 ({RECIPE[name][1]})")
    if recipe["count"] > LARGEST_COUNT or recipe["count"] > LARGEST_SHARDS * recipe["shard_size"]:
        found = f"count = {recipe['count']}, shard_size = {recipe['shard_size']}"
        most = f"at most {LARGEST_COUNT} particles in {LARGEST_SHARDS} shards: larger shards, or several libraries"
        raise InputError(f"{where}: recipe {found}, expected {most}")
    if recipe["first"] < 0:
        raise InputError(f"{where}: recipe first = {recipe['first']}, expected 0 or more")
    if recipe["indices"]:
        _check_indices(recipe, where)
    return recipe


def _check_indices(recipe: dict[str, Any], where: str) -> None:
    try:
        chosen = count_in(recipe["indices"])
    except ValueError as error:
        raise InputError(f"{where}: recipe indices: {error} ({RECIPE['indices'][1]})") from None
    if chosen < recipe["first"] + recipe["count"]:
        raise InputError(
            f"{where}: recipe indices: {chosen}, expected those of particles {recipe['first']} to"
            f" {recipe['first'] + recipe['count'] - 1}"
        )
