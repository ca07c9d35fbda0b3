"""Images for VTK and ParaView: particle.vti with the grain of each voxel."""

from pathlib import Path

from nmcfast.export.deck import Deck
from nmcfast.export.vti import write_image


def write(deck: Deck, folder: Path) -> list[Path]:
    """particle.vti with `grain_id` of each voxel, 0 outside; lengths in µm, the particle in its place."""
    labels = {"grain_id": deck.labels_as("int32", "vti")}
    return [write_image(folder / "particle.vti", labels, deck.origin, deck.voxel_size)]
