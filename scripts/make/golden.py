"""Write tests/golden/particles.json: digests of particles of nmc811. Run it only when they are meant to change.

python scripts/make/golden.py
"""

import json
from pathlib import Path

from nmcfast import generate_particle, load_model
from nmcfast.generate import particle_digest

CHOSEN = ((0, 0), (0, 1), (1, 3), (7, 12345), (2**63 + 5, 2**40))


def main() -> None:
    model = load_model("nmc811")
    digests = {
        f"{seed}/{index}": particle_digest(generate_particle(model, seed=seed, index=index)) for seed, index in CHOSEN
    }
    path = Path(__file__).parents[2] / "tests" / "golden" / "particles.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(digests, indent=1) + "\n")
    print(path.read_text())


if __name__ == "__main__":
    main()
