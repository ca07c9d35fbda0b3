"""What one may choose: name, kind, default and meaning of each option stand here once.

Functions take their defaults from here, the command line its options and its help, a TOML file its names. Nothing heavy
is imported, so that `--help` answers at once.
"""

from dataclasses import Field, dataclass, field
from typing import Any, get_args

from nmcfast.parameters import PIXEL_UM, SMOOTHING

MODEL = "nmc811"  # the model that ships
SURFACES = ("shell", "grains")
PARTS = ("merge", "keep")


def option(default: Any, text: str, **shown: Any) -> Any:
    """A field with its meaning; shown: what argparse shows or checks beside it, `metavar` or `choices`."""
    return field(default=default, metadata={"help": text, **shown})


def kinds(chosen: "Field[Any]") -> tuple[type, ...]:
    """Types that a value of the option may have, the one of a text on the command line first; a float may be whole."""
    named = tuple(kind for kind in get_args(chosen.type) or (chosen.type,) if kind is not type(None))
    return (float, int) if named == (float,) else named


@dataclass(frozen=True, kw_only=True)
class GenerateOptions:
    """Options of `generate` and of its TOML file."""

    count: int = option(100, "particles; with --where those that meet it")
    seed: int = option(0, "seed of all random numbers")
    model: str = option(MODEL, "name of a model or a model file")
    format: str = option("zarr", "format of the shards")
    surface: str = option(
        "shell", "where particles end: at their shells, or at their grains as in section 2.6", choices=SURFACES
    )
    parts: str | None = option(
        None, "crumbs of grains go to neighbours, or stay: merge for shell, keep for grains", choices=PARTS
    )
    smallest_grain: int = option(1, "voxels; smaller grains leave their place to others", metavar="N")
    where: str = option(
        "",
        'condition on the shell, such as "d_max > 5 and sphericity > 0.9": shells are drawn until it holds',
        metavar="CONDITION",
    )
    indices: str | None = option(
        None, "particles to make: a column index as of `nmcfast shells`, or numbers as text", metavar="FILE"
    )
    voxel_size: float = option(PIXEL_UM, "edge of a voxel of the labels, µm")
    no_labels: bool = option(False, "store no label volumes")
    shard_size: int | None = option(
        None, "particles of a shard; without it so many as take about 64 MB, an eighth of few", metavar="N"
    )
    shards: str | None = option(None, "make only shards I to J − 1, as one job of several", metavar="I:J")
    workers: str | int = option(1, "processes, one thread each", metavar="N|auto")
    overwrite: bool = option(False, "replace the library at OUT")
    scheduler: str | None = option(None, "make the shards on a Dask cluster", metavar="tcp://HOST:PORT")
    repair: bool = option(False, "verify OUT and make again what is damaged, nothing else")


@dataclass(frozen=True, kw_only=True)
class VolumeOptions:
    """How a CT volume is read and its particles are found; every decision that is made without asking names one."""

    segmented: bool = option(False, "the volume holds phases, not grey values")
    phase: int = option(1, "value of the particles in a segmented volume")
    instances: bool = option(False, "each label of the volume is one particle")
    grey: bool = option(False, "grey values, though they look like phases or labels")
    sigma: float = option(SMOOTHING, "standard deviation of the smoothing, voxels")
    classes: int | None = option(None, "classes of grey values, the brightest is particles; 2, or 3 where 3 are seen")
    threshold: str = option("otsu", "otsu, unbiased in volume, or a grey value", metavar="otsu|unbiased|VALUE")
    invert: bool = option(False, "particles are the dark ones, or all but --phase")
    no_invert: bool = option(False, "take bright ones, or --phase, though they look like the space around particles")
    clip: float | None = option(None, "clip grey values so much at both ends; only far outliers", metavar="PERCENT")
    keep_pores: bool = option(False, "do not fill closed pores")
    mask: str | None = option(None, "field of view: a volume of the same shape, 0 outside", metavar="FILE")
    geometry: str = option(
        "agree",
        "which size counts where the file and --voxel-size differ; agree refuses",
        choices=("agree", "file", "option"),
    )
    any_size: bool = option(False, "particles may be smaller than 0.1 µm or larger than 500 µm")
    series: str | None = option(None, "series of a TIFF file, or all joined", metavar="N|all")
    channel: int | None = option(None, "channel of an array of four dimensions", metavar="N")
    gaps: str = option("refuse", "what becomes of missing slices", choices=("refuse", "fill", "close"))

    @property
    def kind(self) -> str:
        """What the values are taken for."""
        return "instances" if self.instances else "phases" if self.segmented else "grey"


@dataclass(frozen=True, kw_only=True)
class ShellOptions:
    """Options of `calibrate shells` for the law; those for the volume are `VolumeOptions`."""

    law: str = option(
        "auto",
        "law of the coefficients; auto takes the one nearest in descriptors of held-out particles",
        choices=("auto", "independent", "relative", "joint"),
    )
    restore: bool = option(False, "undo what the smoothing takes from fine waves; without it the report says how much")
    seed: int = option(0, "seed of rotations and of the comparison")
    base: str = option(MODEL, "model whose grains are taken over")


@dataclass(frozen=True, kw_only=True)
class MapOptions:
    """Options of `inspect` and `calibrate grains`: how EBSD files are read where they do not tell, or tell wrong."""

    symmetry: str | None = option(None, "point group, -3m for NMC, or by phase: 1=-3m,2=m-3m", metavar="GROUP")
    angles: str | None = option(None, "unit of the Euler angles", choices=("degrees", "radians"))
    unit: str | None = option(None, "unit of the coordinates", choices=("um", "nm", "mm"))
    phases: str | None = option(None, "the header's phase number for that of points, or none", metavar="0=1,1=2")
    columns: str | None = option(
        None, "columns of a text file in order: phi1,Phi,phi2,x,y,phase,… or skip for others", metavar="NAMES"
    )
    measured: str | None = option(
        None, "marks of unindexed points that do not count: 4pi,ci,fit,mad,error,zeros", metavar="MARKS"
    )
    unindexed: str | None = option(None, "marks that count beside the usual ones: zeros,filled", metavar="MARKS")
    map: str | None = option(None, "which map of a file that holds several", metavar="NAME")
    incomplete: bool = option(False, "read what there is of a file that was cut short")


@dataclass(frozen=True, kw_only=True)
class SectionOptions:
    """Options of `calibrate grains` for sections: how they become grains, and which are used."""

    angle: float = option(5.0, "misorientation between grains, degrees")
    by: str = option(
        "misorientation",
        "what parts grains: orientations, or the image quality map by watershed",
        choices=("misorientation", "quality"),
    )
    pixel_size: float | None = option(None, "pixel of label images, µm")
    central: str = option(
        "auto",
        "auto leaves out sections without preferred orientation (Fig. 2); all takes every one",
        choices=("auto", "all"),
    )
    heights: str | None = option(
        None,
        "table (CSV: file,height_um) of how far sections lie from the centre; those named in it are used",
        metavar="FILE",
    )


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of `calibrate grains` for the training and for the model that it makes."""

    schedule: str = option(
        "fast",
        "fast stops by itself; paper is 200 × 100 steps with the printed values",
        choices=("fast", "paper"),
    )
    seed: int = option(0, "seed of the training")
    base: str = option(MODEL, "model whose shells are taken over")
