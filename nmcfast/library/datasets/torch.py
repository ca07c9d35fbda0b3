"""Particles of a library for training with torch: shard by shard, in an order that is shuffled anew each epoch."""

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np

from nmcfast.errors import InputError, MissingExtraError
from nmcfast.export import schema, shards
from nmcfast.library.stored import StoredLibrary

try:
    import torch
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError as error:
    raise MissingExtraError("library.torch() needs torch: pip install 'nmcfast[train]'") from error

_COLUMNS = frozenset(v.leaf for v in schema.TABLE)
_TYPES = {"u2": np.int32, "u4": np.int64, "u8": np.int64}  # torch computes with signed numbers


class ParticleDataset(IterableDataset):
    """Particles as dicts of tensors: `index` and the fields asked for.

    fields: "labels", columns of the table, arrays of a record (grains of one particle have no fixed number: use
    batch_size=None for them). shape (nz, ny, nx): labels are cut or padded with 0 about the particle's centre, so that
    they can be stacked. particles: numbers of those to take, all when None. Shards, and particles within a shard, come
    in an order that seed and epoch decide; each worker reads whole shards of its own and opens its own files.
    """

    def __init__(
        self,
        library: StoredLibrary,
        fields: Sequence[str] = ("labels",),
        *,
        shape: tuple[int, int, int] | None = None,
        particles: Sequence[int] | np.ndarray | None = None,
        shuffle: bool = True,
        seed: int = 0,
    ) -> None:
        known = {"labels", *(v.field for v in schema.VARIABLES)} - {v.field for v in schema.POINTERS.values()}
        for name in fields:
            if name not in known:
                raise InputError(f"fields: found {name!r}, expected some of {sorted(known)}")
        if "labels" in fields and not library.recipe["labels"]:
            raise InputError(f"{library.name}: holds no labels (recipe labels = false): take other fields")
        if shape is not None and (len(shape) != 3 or min(shape) < 1):
            raise InputError(f"shape: found {shape}, expected three numbers from 1 on, z y x")
        self._library, self.fields, self.shape = library, tuple(fields), shape
        self.shuffle, self.seed = shuffle, seed
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()  # workers that persist see it change
        self._chosen = _by_shard(library, particles)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self._epoch[0] = epoch

    def __len__(self) -> int:
        """Particles of one pass of all workers."""
        return sum(map(len, self._chosen.values()))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        library = copy(self._library)  # with files of its own
        order = np.random.default_rng((self.seed, int(self._epoch[0])))
        numbers = sorted(self._chosen)
        if self.shuffle:
            order.shuffle(numbers)
        for number in numbers[first::step]:
            rows = np.array(self._chosen[number])
            if self.shuffle:
                np.random.default_rng((self.seed, int(self._epoch[0]), number)).shuffle(rows)
            for index in rows.tolist():
                yield self._sample(library, index)

    def _sample(self, library: StoredLibrary, index: int) -> dict[str, Any]:
        row, sample = library.row(index), {"index": torch.tensor(index)}
        record = library.record(index) if set(self.fields) - {"labels", *_COLUMNS} else None
        for name in self.fields:
            if name == "labels":
                values = library.labels(index) if self.shape is None else self._centred(library, index, row)
            else:
                values = row[name] if name in _COLUMNS else getattr(record, name)
            array = np.asarray(values)
            sample[name] = torch.from_numpy(np.array(array, _TYPES.get(array.dtype.str[1:], array.dtype)))
        return sample

    def _centred(self, library: StoredLibrary, index: int, row: np.void) -> np.ndarray:
        """Labels in a box of the shape asked for whose middle is the particle's centre; reads no others."""
        assert self.shape is not None
        corner = np.rint(row["box_origin"][::-1] / library.recipe["voxel_size"]).astype(int)
        first, box = corner + np.array(self.shape) // 2, row["box_shape"].astype(int)
        low, high = np.maximum(first, 0), np.minimum(first + box, self.shape)
        high = np.maximum(low, high)  # the box may lie outside
        part = library.label_box(index, *((end - first).clip(0, box).tolist() for end in (low, high)))
        out = np.zeros(self.shape, part.dtype)
        out[tuple(map(slice, low.tolist(), high.tolist()))] = part
        return out


def _by_shard(library: StoredLibrary, particles: Sequence[int] | np.ndarray | None) -> dict[int, list[int]]:
    """Numbers of the chosen particles by shard; InputError for one that the library does not have."""
    chosen: dict[int, list[int]] = {}
    for index in library.numbers if particles is None else np.asarray(particles).tolist():
        if index not in library.numbers:
            raise InputError(
                f"particles: found {index}, {library.name} has {library.numbers.start} to {library.numbers.stop - 1}"
            )
        chosen.setdefault((index - library.numbers.start) // library.recipe["shard_size"], []).append(index)
    missing = sorted(set(chosen) & set(library.missing_shards))
    if missing:
        raise InputError(f"{library.name}: shard {shards.shard_name(missing[0])} is missing: choose other particles")
    return chosen
