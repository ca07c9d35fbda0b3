"""Croissant 1.1 metadata of a released library: its files, and the columns of its index as records."""

from typing import Any

from nmcfast.export import release, schema
from nmcfast.export.split import PARTS
from nmcfast.release.facts import PAPER, Facts

_TERMS = (
    "arrayShape",
    "citeAs",
    "column",
    "containedIn",
    "equivalentProperty",
    "extract",
    "field",
    "fileProperty",
    "fileObject",
    "fileSet",
    "format",
    "includes",
    "isArray",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{term: f"cr:{term}" for term in _TERMS},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
}
MEDIA = {
    ".parquet": "application/x-parquet",
    ".json": "application/json",
    ".md": "text/markdown",
    ".cff": "application/yaml",
    ".safetensors": "application/octet-stream",
    ".h5": "application/x-hdf5",
    ".npy": "application/octet-stream",
    ".pvd": "application/xml",
    "": "text/plain",
}
_TYPES = {
    "u2": "cr:UInt16",
    "u4": "cr:UInt32",
    "u8": "cr:UInt64",
    "f4": "cr:Float32",
    "f8": "cr:Float64",
    "U5": "sc:Text",
}
_SHARDS = {
    "zarr": ("shards/**", "application/vnd.zarr"),
    "hdf5": ("shards/*/shard.h5", "application/x-hdf5"),
    "vtu": ("shards/*/*.vtu", "application/xml"),
}


def media_type(name: str) -> str:
    """The media type of a file beside the shards."""
    return MEDIA[name[name.rfind(".") :] if "." in name else ""]


def croissant(facts: Facts) -> dict[str, Any]:
    """The document croissant.json; one record of `particles` is one row of index.parquet."""
    said = facts.settings
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": said.title,
        "description": f"{facts.description} Croissant reads the index; the arrays of a particle are opened by "
        "nmcfast.open_library, or by any reader of the format of the shards.",
        "version": said.version,
        "datePublished": said.date,
        "license": said.license_url,
        "citeAs": PAPER,
        "creator": [_creator(family, given) for family, given in said.people] or _creator("anonymous", ""),
        "keywords": ["lithium-ion battery", "cathode", said.material, "microstructure", "grain architecture"],
        "isLiveDataset": False,
        "additionalProperty": [
            {"@type": "sc:PropertyValue", "propertyID": name, "value": value}
            for name, value in {**facts.attributes, "root_sha256": facts.root_sha256}.items()
        ],
        "distribution": [*map(_file, facts.files.items()), _file_set(facts)],
        "recordSet": [_splits(), _particles()],
    }
    return document | ({"url": said.address} if said.address else {})


def _creator(family: str, given: str) -> dict[str, Any]:
    if given:
        return {"@type": "sc:Person", "name": f"{given} {family}", "familyName": family, "givenName": given}
    return {"@type": "sc:Organization", "name": family}


def _file(entry: tuple[str, tuple[str, int]]) -> dict[str, Any]:
    name, (digest, size) = entry
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{size} B",
        "encodingFormat": media_type(name),
        "sha256": digest,
    }


def _file_set(facts: Facts) -> dict[str, Any]:
    pattern, media = _SHARDS[facts.recipe["format"]]
    return {
        "@type": "cr:FileSet",
        "@id": "shards",
        "name": "shards",
        "encodingFormat": media,
        "includes": pattern,
        "description": f"Shards in format {facts.recipe['format']}; {release.SUMS} has the SHA-256 of each file.",
    }


def _splits() -> dict[str, Any]:
    field = {"@type": "cr:Field", "@id": "splits/name", "name": "splits/name", "dataType": "sc:Text"}
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "description": "Parts of the data set, fixed by a hash of seed and number of the particle.",
        "key": {"@id": "splits/name"},
        "field": [field],
        "data": [{"splits/name": part} for part in PARTS],
    }


def _particles() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "particles",
        "name": "particles",
        "description": "One record a particle: its descriptors and where its arrays are.",
        "key": {"@id": "particles/index"},
        "field": [_field(v) for v in (*schema.TABLE, *schema.INDEX)],
    }


def _field(variable: schema.Variable) -> dict[str, Any]:
    name, sizes = f"particles/{variable.leaf}", schema.array_shape(variable, 0, 0, 0)[1:]
    said = f"{variable.prose} [{variable.unit}]" if variable.unit != "1" else variable.prose
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "description": said,
        "dataType": _TYPES[variable.dtype],
        "source": {"fileObject": {"@id": release.INDEX}, "extract": {"column": variable.leaf}},
    }
    if sizes:
        field |= {"isArray": True, "arrayShape": ",".join(map(str, sizes))}
    if variable.leaf == "split":
        field["references"] = {"field": {"@id": "splits/name"}}
    return field
