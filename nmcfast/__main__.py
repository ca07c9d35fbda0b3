"""`python -m nmcfast` is the command `nmcfast`."""

from nmcfast.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
