"""How a released library is cited (CITATION.cff, version 1.2.0) and what may be done with it (LICENSE)."""

import json

from nmcfast.release.facts import PAPER_DOI, Facts, Settings

_AUTHORS = (
    ("Fuchs", "Lukas"),
    ("Furat", "Orkun"),
    ("Finegan", "Donal P."),
    ("Allen", "Jeffery"),
    ("Usseglio-Viretta", "Francois L.E."),
    ("Ozdogru", "Bertan"),
    ("Weddle", "Peter J."),
    ("Smith", "Kandler"),
    ("Schmidt", "Volker"),
)
_TITLE = (
    "Generating multi-scale Li-ion battery cathode particles with radial grain architectures using stereological "
    "generative adversarial networks"
)


def citation(facts: Facts) -> str:
    """CITATION.cff of a release: the data set, with the paper and the program behind it as references."""
    said = facts.settings
    lines = [
        "cff-version: 1.2.0",
        "message: " + _text("If you use this data set, please cite it and the article whose model it was drawn from."),
        "type: dataset",
        f"title: {_text(said.title)}",
        "authors:",
        *_authors(said.people or [("anonymous", "")], "  "),
        f"version: {_text(said.version)}",
        f"date-released: {_text(said.date)}",
        f"license: {_text(said.license)}",
        *([f"doi: {_text(said.doi)}"] if said.doi else []),
        *([f"url: {_text(said.url)}"] if said.url else []),
        f"abstract: {_text(facts.description)}",
        "references:",
        "  - type: article",
        f"    title: {_text(_TITLE)}",
        "    authors:",
        *_authors(_AUTHORS, "      "),
        '    journal: "Communications Materials"',
        "    volume: 6",
        "    year: 2025",
        f"    doi: {_text(PAPER_DOI)}",
        "  - type: software",
        '    title: "nmcfast: virtual NMC811 cathode particles with grain architecture"',
        "    authors:",
        *_authors([("The nmcfast developers", "")], "      "),
        f"    version: {_text(str(facts.recipe.get('nmcfast', 'unknown')))}",
        "    license: BSD-3-Clause",
    ]
    return "\n".join(lines) + "\n"


def _authors(people: list[tuple[str, str]] | tuple[tuple[str, str], ...], indent: str) -> list[str]:
    return [
        f"{indent}- {{family-names: {_text(family)}, given-names: {_text(given)}}}"
        if given
        else f"{indent}- {{name: {_text(family)}}}"
        for family, given in people
    ]


def _text(value: str) -> str:
    """A YAML scalar: JSON's strings are double-quoted ones."""
    return json.dumps(value, ensure_ascii=False)


def license_notice(settings: Settings) -> str:
    """LICENSE of a release: the licence by name and address, and what it does not cover."""
    who = "; ".join(settings.creators) or "the makers of this data set"
    return (
        f"{settings.title}, version {settings.version}, {settings.date}\nby {who}\n\n"
        f"This data set is licensed under {settings.license_title}.\n"
        f"SPDX-License-Identifier: {settings.license}\n"
        f"The text of the licence: {settings.license_url}\n\n"
        "The program that generated it, nmcfast, has a licence of its own (BSD-3-Clause).\n"
    )
