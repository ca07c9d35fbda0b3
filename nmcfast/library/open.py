"""The library at a path or a URL: who opens one knows both kinds, which need not know how they are chosen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nmcfast.errors import InputError
from nmcfast.library.library import Library


def open_library(path: str | Path, storage_options: Mapping[str, Any] | None = None) -> Library:
    """The library at a path or a URL, finished or not. InputError if it is none, DamageError if its recipe changed.

    storage_options go to fsspec's file system of a URL, such as {"anon": True} for a public bucket.
    """
    if "://" in str(path):
        from nmcfast.library.remote import RemoteLibrary

        return RemoteLibrary(str(path), storage_options)
    if storage_options:
        raise InputError(f"{path}: storage_options are for a URL, this is a path")
    return Library(Path(path))
