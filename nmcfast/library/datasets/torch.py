"""Particles of a library for training with torch: shard by shard, in an order that is shuffled anew each epoch."""

import os
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np

from nmcfast.errors import InputError, MissingExtraError
from nmcfast.export import schema, shards
from nmcfast.library.stored import StoredLibrary

try:
    import torch
    from torch.utils.data import Dataset
except ImportError as error:
    raise MissingExtraError("library.torch() needs torch: pip install 'nmcfast[train]'") from error

_COLUMNS = frozenset(v.leaf for v in schema.TABLE)
_TYPES = {"u2": np.int32, "u4": np.int64, "u8": np.int64}  # torch computes with signed numbers


class ParticleDataset(Dataset):
    """Particles as dicts of tensors: `index` and the fields asked for.

    fields: "labels", columns of the table, arrays of a record (grains of one particle have no fixed number: use
    batch_size=None for them). shape (nz, ny, nx): labels are cut or padded with 0 about the particle's centre, so that
    they can be stacked. particles: numbers of those to take, all when None. Shards, and particles within a shard, come
    in an order that seed and epoch decide: element k is the k-th of this epoch, so a DataLoader needs neither a sampler
    nor shuffle=True. Each process opens its own files.

    Where torch.distributed runs, each rank has its own part, as with DistributedSampler: all parts have the same
    length, the first particles of the epoch are repeated at its end where it does not divide, and every rank must call
    `set_epoch`. rank, ranks: to say it by hand; 0, 1 gives every rank everything.
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
        rank: int | None = None,
        ranks: int | None = None,
    ) -> None:
        known = {"labels", *(v.field for v in schema.VARIABLES)} - {v.field for v in schema.POINTERS.values()}
        for name in fields:
            if name not in known:
                raise InputError(f"fields: found {name!r}, expected some of {sorted(known)}")
        if "labels" in fields and not library.recipe["labels"]:
            raise InputError(f"{library.name}: holds no labels (recipe labels = false): take other fields")
        if shape is not None and (len(shape) != 3 or min(shape) < 1):
            raise InputError(f"shape: found {shape}, expected three numbers from 1 on, z y x")
        if (rank is None) != (ranks is None) or (ranks is not None and not 0 <= (rank or 0) < ranks):
            raise InputError(f"rank, ranks: found {rank}, {ranks}, expected both, rank from 0 to ranks − 1")
        self._library, self.fields, self.shape = library, tuple(fields), shape
        self.shuffle, self.seed = shuffle, seed
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()  # workers that persist see it change
        self._chosen = _by_shard(library, particles)
        self._given = None if ranks is None else (int(rank or 0), ranks)
        self._own: tuple[int, StoredLibrary] | None = None
        self._ordered: tuple[int, list[int]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What a worker that is spawned gets: the rank as it is here, no open files."""
        return self.__dict__ | {"_given": self._rank(), "_own": None}

    def _rank(self) -> tuple[int, int]:
        """Rank of this process and number of ranks: as given, else those of torch.distributed."""
        if self._given is not None:
            return self._given
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return torch.distributed.get_rank(), torch.distributed.get_world_size()
        return 0, 1

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self._epoch[0] = epoch

    def __len__(self) -> int:
        """Particles of one pass of this rank."""
        return -(-sum(map(len, self._chosen.values())) // self._rank()[1])

    def __getitem__(self, k: int) -> dict[str, Any]:
        """The k-th particle of this epoch and rank."""
        if not 0 <= k < len(self):
            raise IndexError(f"element {k} of {len(self)}")
        if self._own is None or self._own[0] != os.getpid():
            self._own = os.getpid(), copy(self._library)  # with files of its own
        order = self._order()
        return self._sample(self._own[1], order[(self._rank()[0] * len(self) + k) % len(order)])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The particles of this epoch and rank, one by one."""
        return (self[k] for k in range(len(self)))

    def _order(self) -> list[int]:
        """Numbers of all particles in the order of this epoch: shards, and particles within each, shuffled."""
        epoch = int(self._epoch[0])
        if self._ordered is None or self._ordered[0] != epoch:
            numbers, order = sorted(self._chosen), []
            if self.shuffle:
                np.random.default_rng((self.seed, epoch)).shuffle(numbers)
            for number in numbers:
                rows = np.array(self._chosen[number])
                if self.shuffle:
                    np.random.default_rng((self.seed, epoch, number)).shuffle(rows)
                order += rows.tolist()
            self._ordered = epoch, order
        return self._ordered[1]

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
