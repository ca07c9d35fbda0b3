"""Write digests of particles of nmc811 to tests/golden: shells.json, and particles.json of surface "grains".

Run it only when they are meant to change.

python scripts/make/golden.py
"""

import json
from pathlib import Path

from nmcfast import generate_particle, load_model
from nmcfast.generate import particle_digest

CHOSEN = ((0, 0), (0, 1), (1, 3), (7, 12345), (2**63 + 5, 2**40))


def main() -> None:
    model = load_model("nmc811")
    for surface, name in (("shell", "shells.json"), ("grains", "particles.json")):
        particles = {f"{s}/{i}": generate_particle(model, seed=s, index=i, surface=surface) for s, i in CHOSEN}
        path = Path(__file__).parents[2] / "tests" / "golden" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({k: particle_digest(p) for k, p in particles.items()}, indent=1) + "\n")
        print(path, path.read_text())


if __name__ == "__main__":
    main()
