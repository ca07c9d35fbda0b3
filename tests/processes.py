"""What lives of a run."""

from pathlib import Path


def members(group: int) -> list[int]:
    """Processes of a group that still live."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            after = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(after[2]) == group and after[0] != "Z":
            found.append(int(entry.name))
    return found
