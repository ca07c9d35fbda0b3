"""Measure anew how far around a shell a model's grains must be drawn, and put it into the model file.

    python scripts/make/set_margins.py nmcfast/models/nmc811.safetensors

Needed when the code that uses the two lengths has changed; they do not change what is drawn.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from nmcfast.model import load_model
from nmcfast.overlay import with_margins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    path = parser.parse_args().model
    model = load_model(path)
    model = replace(model, grains=with_margins(model.grains, model.shell))
    path.write_bytes(model.to_bytes())
    print(path, "reach", model.grains.reach, "extent", model.grains.extent, "pixels;", model.digest)


if __name__ == "__main__":
    main()
