"""RO-Crate metadata of a released library: its files, and the run, program, model and article they come from."""

from typing import Any

from nmcfast.export import release, root, table
from nmcfast.release.croissant import media_type
from nmcfast.release.facts import PAPER, PAPER_DOI, Facts

_VERSION = "https://w3id.org/ro/crate/1.1"
_CONTENT = {
    "zarr.json": "Root of the library: the recipe, of which everything else is a function.",
    root.MODEL: "The model the particles were drawn from, with its provenance.",
    root.SEAL: "SHA-256 of the manifest of every shard, and the root hash over them.",
    table.FILE: "The table of all particles, a NumPy file: one row a particle.",
    release.SETTINGS: "What the maker of this release said of it.",
    release.INDEX: "One row a particle: descriptors, statistics of its grains, place, part of the split.",
    release.CARD: "Data card: what is fitted, assumed and estimated, and how to generate it again.",
    release.CITATION: "How to cite the data set.",
    release.LICENSE: "The licence of the data set.",
    release.CROISSANT: "Croissant metadata: the index as records.",
    release.SUMS: "SHA-256 of every file, as sha256sum -c reads it.",
}


def ro_crate(facts: Facts) -> dict[str, Any]:
    """The document ro-crate-metadata.json, RO-Crate 1.1."""
    said = facts.settings
    doi = f"https://doi.org/{PAPER_DOI}"
    people = [_agent(k, family, given) for k, (family, given) in enumerate(said.people)]
    people = people or [_agent(0, "anonymous", "")]
    authors, names = _links(people), [*facts.files, release.SUMS]
    attributes = [
        {"@id": f"#{name}", "@type": "PropertyValue", "name": name, "propertyID": name, "value": value}
        for name, value in facts.attributes.items()
    ]
    dataset = {
        "@id": "./",
        "@type": "Dataset",
        "name": said.title,
        "description": facts.description,
        "datePublished": said.date,
        "version": said.version,
        "license": {"@id": said.license_url},
        "author": authors[0] if len(authors) == 1 else authors,
        "identifier": said.address or f"urn:sha256:{facts.root_sha256}",
        "citation": {"@id": doi},
        "hasPart": [*({"@id": name} for name in names), {"@id": "shards/"}],
        "additionalProperty": _links(attributes),
        "mentions": {"@id": "#generation"},
        "keywords": f"lithium-ion battery, cathode, {said.material}, microstructure, grain architecture",
    }
    return {
        "@context": f"{_VERSION}/context",
        "@graph": [
            {"@id": release.CRATE, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": _VERSION}},
            dataset | ({"url": said.url} if said.url else {}),
            *(_file(name, facts) for name in names),
            _shards(facts),
            *_origin(facts, people),
            *people,
            *attributes,
            {
                "@id": said.license_url,
                "@type": "CreativeWork",
                "name": said.license_title,
                "description": f"SPDX {said.license}",
            },
            {"@id": doi, "@type": "ScholarlyArticle", "name": PAPER, "identifier": doi},
        ],
    }


def _agent(number: int, family: str, given: str) -> dict[str, Any]:
    agent: dict[str, Any] = {"@id": f"#creator-{number + 1}", "@type": "Person" if given else "Organization"}
    return agent | (
        {"name": f"{given} {family}", "familyName": family, "givenName": given} if given else {"name": family}
    )


def _links(entities: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"@id": entity["@id"]} for entity in entities]


def _file(name: str, facts: Facts) -> dict[str, Any]:
    about = _CONTENT.get(name, "Part of the library, docs/format.md of nmcfast.")
    file = {"@id": name, "@type": "File", "name": name, "description": about, "encodingFormat": media_type(name)}
    if name not in facts.files:
        return file
    digest, size = facts.files[name]
    return file | {"contentSize": str(size), "identifier": f"urn:sha256:{digest}"}


def _shards(facts: Facts) -> dict[str, Any]:
    return {
        "@id": "shards/",
        "@type": "Dataset",
        "name": "shards",
        "description": f"{facts.particles} particles in format {facts.recipe['format']}, "
        f"{facts.recipe['shard_size']} a shard, {facts.bytes} bytes; each shard's manifest.json lists its files.",
    }


def _origin(facts: Facts, people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The run that made the library, the program, and the recipe as parameters."""
    recipe = [
        {"@id": f"#recipe-{name}", "@type": "PropertyValue", "name": name, "value": value}
        for name, value in sorted(facts.recipe.items())
    ]
    version = str(facts.recipe.get("nmcfast", "unknown"))
    run = {
        "@id": "#generation",
        "@type": "CreateAction",
        "name": "Generation of the library by nmcfast",
        "description": f"nmcfast reproduce makes it again and compares; root hash {facts.root_sha256}.",
        "instrument": {"@id": "#nmcfast"},
        "agent": {"@id": people[0]["@id"]},
        "result": {"@id": "./"},
        "object": [{"@id": root.MODEL}, *_links(recipe)],
    }
    program = {
        "@id": "#nmcfast",
        "@type": "SoftwareApplication",
        "name": "nmcfast",
        "softwareVersion": version,
        "version": version,
        "license": "BSD-3-Clause",
    }
    return [run, program, *recipe]
