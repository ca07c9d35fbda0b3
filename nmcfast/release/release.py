"""From a finished library to a data set that others find, open, cite, check and generate again."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from nmcfast.errors import DamageError, InputError
from nmcfast.export import files, release, root, shards
from nmcfast.export.parquet import table_bytes
from nmcfast.export.verify import verify
from nmcfast.library.index import index_dtype
from nmcfast.library.library import Library
from nmcfast.release.citation import citation, license_notice
from nmcfast.release.croissant import croissant
from nmcfast.release.data_card import data_card
from nmcfast.release.facts import Facts, Settings
from nmcfast.release.ro_crate import ro_crate


@dataclass(frozen=True)
class Release:
    """What `release_library` did: files written now, all files of the release, particles of each part."""

    path: Path
    written: tuple[str, ...]
    files: tuple[str, ...]
    parts: dict[str, int]
    settings: Settings
    root_sha256: str


def release_library(
    path: str | Path, *, overwrite: bool = False, progress: Callable[[int, int], None] | None = None, **said: Any
) -> Release:
    """Write index, checksums, metadata, data card, citation and licence of a finished library into it.

    said: title, version, date, license, creators, url, doi, material, as `Settings` has them; what is not said stays
    as it was in an earlier release. The whole library is verified first; progress gets the numbers of shards done and
    to do. Raises InputError for an unfinished library, for files changed by hand since (unless overwrite; a changed
    release.json always) and for wrong settings, DamageError for a damaged one, MissingExtraError without pyarrow.
    Nothing is changed then.
    """
    path = Path(path)
    recipe = root.read_recipe(path)
    _refuse_unfinished(path, recipe)
    library = Library(path)
    settings = _settings(library, said)
    table_bytes(np.empty(0, index_dtype()), "a release")  # says early what is not installed
    report = verify(path, progress, released=False)
    if report.problems:
        more = f" and {len(report.problems) - 1} more" if len(report.problems) > 1 else ""
        raise DamageError(f"{path}: not released, it is damaged: {report.problems[0]}{more}: run 'nmcfast verify'")
    if not overwrite:
        _refuse_changed(path, recipe)
    files.sweep(path)
    beside = {name: _entry((path / name).read_bytes()) for name in release.root_names(recipe) if "/" not in name}
    root_sha256 = files.read_json(path / root.SEAL)["root_sha256"]
    facts = Facts(settings, recipe, library.model, root_sha256, library.index(), report.bytes, beside)
    documents = _documents(facts)
    if not overwrite:
        _refuse_unlisted(path, documents)
    with shards.clear_when_full(path, path, recipe):
        written = _write(path, recipe, documents)
    return Release(path, written, release.FILES, facts.parts, settings, facts.root_sha256)


def _refuse_unfinished(path: Path, recipe: dict[str, Any]) -> None:
    done, total = len(shards.committed_shards(path)), shards.shard_count(recipe)
    if not (path / root.SEAL).is_file():
        raise InputError(
            f"{path}: not released, it is not finished ({done} of {total} shards, no {root.SEAL}): "
            "finish it with 'nmcfast generate' and the same parameters"
        )


def _settings(library: Library, said: dict[str, Any]) -> Settings:
    """What is said now, else what an earlier release said, else what follows from the library and today's date."""
    recipe, earlier = library.recipe, library.path / release.SETTINGS
    held: dict[str, Any] = {
        "title": f"{recipe['count']} virtual cathode particles of model {recipe['model_name']}, seed {recipe['seed']}",
        "version": "1.0.0",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "license": "CC-BY-4.0",
        "creators": (),
        "url": "",
        "doi": "",
        "material": str(library.model.provenance.get("material") or recipe["model_name"]),
    }
    if earlier.is_file():
        held = Settings.from_dict(files.read_json(earlier), str(earlier)).to_dict()
        if not release.is_as_listed(library.path, release.SETTINGS):
            raise InputError(
                f"{earlier}: not what {release.SUMS} lists, so what it says is not taken over: restore the one that was"
                f" changed from a copy, or remove {release.SETTINGS} and say all of it anew (--title, --creator, …)"
            )
    told = {name: value for name, value in said.items() if value is not None}
    unknown = sorted(told.keys() - held.keys())
    if unknown:
        raise InputError(f"release: found {unknown[0]!r}, expected some of {', '.join(held)}")
    merged = {**held, **told}
    return Settings(**{**merged, "creators": tuple(merged["creators"])})


def _refuse_changed(path: Path, recipe: dict[str, Any]) -> None:
    """InputError for a file of the last release that somebody changed since: it may be worth keeping."""
    if files.is_regular(path / release.SUMS) and (wrong := list(release.problems(path, recipe))):
        raise InputError(f"{path}: changed since it was released ({wrong[0]}): --overwrite replaces what was changed")


def _refuse_unlisted(path: Path, documents: dict[str, bytes]) -> None:
    """InputError when checksums were lost and a file is not what would be written: nobody knows who changed it."""
    if release.state(path) != "yes" or files.is_regular(path / release.SUMS):
        return
    if other := [name for name, data in documents.items() if not _holds(path / name, data)]:
        raise InputError(f"{path}: {release.SUMS} is missing, and {other[0]} is another one: --overwrite replaces it")


def _documents(facts: Facts) -> dict[str, bytes]:
    """Every file of the release but the checksums, in the order of writing: those that describe files come last."""
    made = {
        release.SETTINGS: files.json_bytes(facts.settings.to_dict()),
        release.INDEX: table_bytes(facts.index, "a release", _index_metadata(facts)),
        release.CARD: data_card(facts).encode(),
        release.CITATION: citation(facts).encode(),
        release.LICENSE: license_notice(facts.settings).encode(),
    }
    made[release.CROISSANT] = files.json_bytes(croissant(_with_files(facts, made)))
    made[release.CRATE] = files.json_bytes(ro_crate(_with_files(facts, made)))
    return made


def _with_files(facts: Facts, made: dict[str, bytes]) -> Facts:
    return replace(facts, files=facts.files | {name: _entry(data) for name, data in made.items()})


def _index_metadata(facts: Facts) -> dict[str, str]:
    """What index.parquet says of itself: attributes, recipe, root hash."""
    recipe = json.dumps(facts.recipe, sort_keys=True)
    return {**facts.attributes, "recipe": recipe, "root_sha256": facts.root_sha256}


def _entry(data: bytes) -> tuple[str, int]:
    return hashlib.sha256(data).hexdigest(), len(data)


def _write(path: Path, recipe: dict[str, Any], documents: dict[str, bytes]) -> tuple[str, ...]:
    """Put the files in place whose bytes are not there yet, the checksums last; what was written."""
    stale = [name for name, data in documents.items() if not _holds(path / name, data)]
    if stale:
        files.write_file(path / release.UNFINISHED, b"'nmcfast release' was interrupted: run it again\n")
        (path / release.SUMS).unlink(missing_ok=True)
        for name in stale:
            files.write_file(path / name, documents[name])
    sums = release.sums_text(release.checksums(path, recipe)).encode()
    if not _holds(path / release.SUMS, sums):
        files.write_file(path / release.SUMS, sums)
        stale.append(release.SUMS)
    (path / release.UNFINISHED).unlink(missing_ok=True)
    return tuple(stale)


def _holds(path: Path, data: bytes) -> bool:
    return files.is_regular(path) and path.read_bytes() == data
