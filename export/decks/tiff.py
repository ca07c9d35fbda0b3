"""A stack of TIFF pages for MATBOX, PoreSpy, taufactor, Fiji: labels, one page a plane z."""

from pathlib import Path

from nmcfast.errors import MissingExtraError
from nmcfast.export.deck import Deck
from nmcfast.export.decks.text import write_grain_table


def write(deck: Deck, folder: Path) -> list[Path]:
    """labels.tif, uint16, 0 outside, with the voxel size as Fiji reads it; grains.csv. At most 65,535 grains."""
    try:
        import tifffile
    except ImportError:
        raise MissingExtraError("format 'tiff' needs tifffile: pip install 'nmcfast[solvers]'") from None
    path = folder / "labels.tif"
    tifffile.imwrite(
        path,
        deck.labels_as("uint16", "tiff"),
        imagej=True,
        compression="zlib",
        resolution=(1.0 / deck.voxel_size, 1.0 / deck.voxel_size),
        metadata={"axes": "ZYX", "unit": "um", "spacing": deck.voxel_size},
    )
    return [path, write_grain_table(deck, folder)]
