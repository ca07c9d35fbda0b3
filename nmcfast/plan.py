"""What a run is about to make of a library, and what it did."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmcfast.export import shards

_WEIGHED = 5  # shards from which the size of a library is foreseen


@dataclass(frozen=True)
class Plan:
    """What a run is about to make: so many particles, of which those of finished shards are there already."""

    path: Path
    recipe: dict[str, Any]
    particles: int
    there: int

    def bytes_each(self) -> float | None:
        """Bytes of a particle on the disk, the mean of some finished shards; None while there is none."""
        found = shards.committed_shards(self.path)
        some = found[:: max(1, len(found) // _WEIGHED)]
        weights = [shards.weight(self.path, number) for number in some]
        return sum(weights) / sum(len(shards.shard_range(self.recipe, n)) for n in some) if some else None


@dataclass(frozen=True)
class Made:
    """What one run of `generate_library` did: shards made now, shards there are, root hash of a complete library.

    path: the folder, or the URL. repeated: requests to an object store that were made again.
    """

    path: Path | str
    made: int
    present: int
    expected: int
    root_sha256: str | None
    repeated: int = 0
