"""Give a model file the texture that nmc811 assumes, or another: python scripts/make/set_texture.py MODEL

python scripts/make/set_texture.py my.safetensors --angle 90 --concentration 35 --standing "fitted to 12 maps"
python scripts/make/set_texture.py my.safetensors --kind uniform --standing "assumed"
"""

import argparse
from dataclasses import replace
from pathlib import Path

from nmcfast import load_model
from nmcfast.model import Model
from nmcfast.texture import RADIAL_NMC811, Texture

ASSUMED = (
    "assumed: basal planes along the radius, c-axes perpendicular to it with a spread of 9°, any turn about the radius"
    " and about c; no orientation map of NMC811 is public"
)


def with_texture(model: Model, texture: Texture = RADIAL_NMC811, standing: str = ASSUMED) -> Model:
    """The model with a texture, and where the texture is from."""
    grains = replace(model.grains, texture=texture)
    return replace(model, grains=grains, provenance={**model.provenance, "texture": standing})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--kind", default=RADIAL_NMC811.kind)
    parser.add_argument("--angle", type=float, default=RADIAL_NMC811.angle, help="of c to the radius, degrees")
    parser.add_argument("--concentration", type=float, default=RADIAL_NMC811.concentration)
    parser.add_argument("--standing", default=ASSUMED, help="where the texture is from, for the model file")
    args = parser.parse_args()
    texture = Texture(args.kind, args.angle, 0.0 if args.kind == "uniform" else args.concentration)
    model = with_texture(load_model(args.model), texture, args.standing)
    args.model.write_bytes(model.to_bytes())
    print(args.model, model.grains.texture, model.digest)


if __name__ == "__main__":
    main()
