"""How far a library in the making is, from what lies in its folder: whoever makes it, and wherever."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nmcfast.export import files, root, shards
from nmcfast.plan import Plan
from nmcfast.progress import human_bytes, human_time

_RECENT = 50  # shards, the newest, that tell the rate


@dataclass(frozen=True)
class Look:
    """What is there: shards and particles of all, drafts of shards in work, particles a second of the newest shards
    (None for fewer than two), seconds since the newest one, bytes of a particle.
    """

    shards: int
    of_shards: int
    particles: int
    of_particles: int
    drafts: int
    rate: float | None
    age: float | None
    bytes_each: float | None
    sealed: bool


def look_at(library: Path) -> Look:
    """A look at a library; its cost does not grow with the size of the shards."""
    recipe = root.read_recipe(library)
    numbers = shards.finished_shards(library, recipe)
    held = {number: len(shards.shard_range(recipe, number)) for number in numbers}
    times = sorted((library / "shards" / shards.shard_name(n)).stat().st_mtime for n in numbers)[-_RECENT:]
    mean = sum(held.values()) / len(held) if held else 0.0
    spread = times[-1] - times[0] if times else 0.0
    return Look(
        len(held),
        shards.shard_count(recipe),
        sum(held.values()),
        recipe["count"],
        sum(files.is_temporary(p.name) for p in (library / "shards").iterdir()),
        mean * (len(times) - 1) / spread if spread > 0.0 else None,
        max(0.0, time.time() - times[-1]) if times else None,
        Plan(library, recipe, 0, 0).bytes_each(),
        (library / root.SEAL).is_file(),
    )


def said(look: Look) -> str:
    """A look as one line."""
    parts = [
        f"{look.particles} of {look.of_particles} particles ({look.particles / look.of_particles:.0%})",
        f"{look.shards} of {look.of_shards} shards",
    ]
    if look.bytes_each is not None:
        stored, whole = (human_bytes(n * look.bytes_each) for n in (look.particles, look.of_particles))
        parts.append(f"{stored} of {whole}")
    if look.sealed:
        return ", ".join([*parts, "complete"])
    parts.append(f"{look.drafts} in work")
    if look.rate is not None:
        left = (look.of_particles - look.particles) / look.rate
        parts += [f"{look.rate:.3g} a second", f"{human_time(left)} left"]
    if look.age is not None:
        parts.append(f"the last {human_time(look.age)} ago")
    return ", ".join(parts)


def watch(library: Path, every: float) -> Iterator[Look]:
    """Looks at a library, some seconds apart, until it is complete."""
    while True:
        yield (look := look_at(library))
        if look.sealed:
            return
        time.sleep(every)
