#!/bin/sh
# Everything that must hold before a change is taken: lint, types, tests.
set -e
cd "$(dirname "$0")/.."
ruff check .
ruff format --check .
mypy
python -m pytest -q "$@"
