"""An HDF5 file that HDF5 1.10 reads, and whose bytes are a function of what is written: no times, no names."""

import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nmcfast.errors import DamageError, NmcfastError
from nmcfast.export import schema, sharding
from nmcfast.export.files import is_regular, json_bytes
from nmcfast.export.records import attributes
from nmcfast.export.schema import Variable

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
LIBVER = ("earliest", "v110")
LOCKED = (
    "is locked by another program that writes to it, or lies where nothing can be locked: close that program,"
    " or set HDF5_USE_FILE_LOCKING=FALSE"
)
FILTERS = {"compression": "gzip", "compression_opts": 4, "shuffle": True, "fletcher32": True}


@contextmanager
def interruptions_wait() -> Iterator[None]:
    """Hold signals back until the end: h5py drops weak references all the time, and an exception there is lost."""
    before = {int(number): signal.getsignal(number) for number in INTERRUPTIONS}
    handled = {number: handler for number, handler in before.items() if callable(handler)}
    if threading.current_thread() is not threading.main_thread() or not handled:
        yield
        return
    seen: list[tuple[int, Any]] = []
    for number in handled:
        signal.signal(number, lambda number, frame: seen.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
    if seen:
        handled[seen[0][0]](*seen[0])


def open_shard(path: Path) -> h5py.File:
    """A file to read. NmcfastError when another program has locked it, DamageError when it is no HDF5 file."""
    if path.exists() and not is_regular(path):
        raise DamageError(f"{path}: the file cannot be opened (not a regular file)")
    try:
        return h5py.File(path)
    except OSError as error:
        if "unable to lock file" in str(error):
            raise NmcfastError(f"{path}: {LOCKED}") from error
        raise DamageError(f"{path}: the file cannot be opened ({error})") from error


class ImageFile:
    """An HDF5 file in memory until `image` gives its bytes: a full disk meets whole files, never the HDF5 library."""

    def __init__(self) -> None:
        # not a BytesIO: an interruption while h5py writes to one through Python leaves a file that it cannot close
        self.file = h5py.File(secrets.token_hex(), "w", libver=LIBVER, driver="core", backing_store=False)

    def image(self) -> bytes:
        """The bytes of the file, which is closed with this."""
        self.file.flush()
        held = self.file.id.get_file_image()
        self.file.close()
        return held


def write_columns(file: h5py.File, columns: dict[str, np.ndarray], recipe: dict[str, Any]) -> None:
    """Write the arrays of the schema and, as an attribute of the file, the recipe."""
    write_recipe(file, recipe)
    for variable in schema.VARIABLES:
        values = columns[variable.name]
        how = {"chunks": sharding.table_chunk(values.shape, values.itemsize), **FILTERS} if values.size else {}
        describe(file.create_dataset(variable.name, data=values, **how), variable)


def write_recipe(file: h5py.File, recipe: dict[str, Any]) -> None:
    file.attrs["recipe"] = json_bytes(recipe).decode()


def describe(dataset: h5py.Dataset, variable: Variable) -> None:
    """Give a dataset what the schema says of it: attributes and names of its dimensions."""
    dataset.attrs.update(attributes(variable))
    for dimension, name in zip(dataset.dims, variable.dims, strict=True):
        dimension.label = name


def write_virtual(file: h5py.File, name: str, layout: h5py.VirtualLayout) -> h5py.Dataset:
    """Add a virtual dataset, without the time that h5py would store with it."""
    layout.dcpl.set_obj_track_times(False)
    return file.create_virtual_dataset(name, layout)
