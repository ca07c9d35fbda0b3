"""nmcfast models: the models that ship."""

import argparse
from typing import Any

from nmcfast.cli.common import command, say

# What each model that ships is good for, and how far its shells are known to be right; docs/model_card.md has the same.
GOOD_FOR = {
    "nmc811": "the paper's model as printed: comparisons with it, a wide range of sizes and shapes",
    "nmc-ct": "shapes as CT shows them: meshes, pictures, packings of a calendered NMC cathode; not a shape of NMC811",
}
VERDICT = {"nmc811": "shells never compared with CT: the scale of their sizes is estimated"}


def add(commands: Any) -> None:
    command(commands, "models", run, "list the models that ship, what each is good for", "nmcfast models --json")


def verdict(name: str, provenance: Any) -> str:
    """How near a model's shells come to particles that they were not fitted to, or that nobody knows."""
    apart = provenance.get("shell_held_out")
    if apart is None:
        return VERDICT[name]
    shown = ", ".join(f"{key} {apart[key]:.1f}" for key in ("d_max", "compactness", "aspect_ratio", "sphericity"))
    return f"shells against held-out CT particles, in floors (1: as two halves of them): {shown}"


def run(options: argparse.Namespace) -> int:
    from nmcfast.calibration.grains.verdict import verdict_of
    from nmcfast.model import list_models, load_model

    models = {name: load_model(name) for name in list_models()}
    lines = [
        f"{name}\n  good for: {GOOD_FOR[name]}\n  verdict: {verdict(name, m.provenance)}\n"
        f"  grains' {verdict_of(m.provenance).line}\n"
        f"  shells: {m.provenance.get('shell')}\n  grains: {m.provenance.get('grains')}"
        for name, m in models.items()
    ]
    result = {
        name: {
            "sha256": m.digest,
            "good_for": GOOD_FOR[name],
            "verdict": verdict(name, m.provenance),
            "grains_verdict": verdict_of(m.provenance).to_dict(),
            "provenance": dict(m.provenance),
        }
        for name, m in models.items()
    }
    say(options, result, "\n".join(lines))
    return 0
