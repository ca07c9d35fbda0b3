"""nmcfast models: the models that ship."""

import argparse
from typing import Any

from nmcfast.cli.common import command, say


def add(commands: Any) -> None:
    command(commands, "models", run, "list the models that ship", "nmcfast models --json")


def run(options: argparse.Namespace) -> int:
    from nmcfast.model import list_models, load_model

    models = {name: load_model(name) for name in list_models()}
    lines = [
        f"{name}\n  shells: {m.provenance.get('shell')}\n  grains: {m.provenance.get('grains')}"
        for name, m in models.items()
    ]
    result = {name: {"sha256": m.digest, "provenance": dict(m.provenance)} for name, m in models.items()}
    say(options, result, "\n".join(lines))
    return 0
