"""Calibrates grains on the same maps as .ang and as .h5oina: model files must be equal but for their provenance.

python scripts/checks/ebsd_same_model.py --maps 2 --radius 90 --epochs 2

Maps are sections of the reference architecture; training is the fast schedule, cut to a few epochs. Exit code 1 when
anything but the provenance differs.
"""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np

from nmcfast.calibration.grains import gan, reference
from nmcfast.calibration.grains.calibrate import calibrate_grain_model
from nmcfast.ebsd.write import simulate_map, write_ang
from nmcfast.ebsd.write_h5 import write_h5oina
from nmcfast.options import SectionOptions, TrainingOptions


def write_maps(folder: Path, count: int, radius: float) -> None:
    """The same square maps in both formats."""
    rng = np.random.default_rng(5)
    for k in range(count):
        labels = reference.draw_section(lambda x: reference.NMC811.markers(x, rng), reference.NMC811.mu, radius, rng)
        m = simulate_map(labels, 0.05, rng, "square", unindexed=0.05)
        write_ang(m, folder / f"{k}.ang")
        write_h5oina(m, folder / f"{k}.h5oina")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--maps", type=int, default=2)
    parser.add_argument("--radius", type=float, default=90.0, help="of the sections, px")
    parser.add_argument("--epochs", type=int, default=2)
    chosen = parser.parse_args()
    gan.FAST = dataclasses.replace(gan.FAST, epochs=chosen.epochs, steps=10)
    models = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_maps(folder, chosen.maps, chosen.radius)
        for suffix in ("ang", "h5oina"):
            paths = sorted(folder.glob(f"*.{suffix}"))
            models[suffix], _ = calibrate_grain_model(
                paths, folder / "m.safetensors", sections=SectionOptions(), training=TrainingOptions(), quiet=True
            )
    one, other = models["ang"], models["h5oina"]
    pairs = {"mu": (one.grains.mu, other.grains.mu)}
    same = {name: a == b for name, (a, b) in pairs.items()}
    bare = [dataclasses.replace(model, provenance={}).to_bytes() for model in (one, other)]
    same["file without provenance"] = bare[0] == bare[1]
    print(*(f"{name}: {'equal' if equal else 'differ'}" for name, equal in same.items()), sep="\n")
    return 0 if all(same.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
