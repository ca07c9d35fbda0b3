"""A shell calibration in ten lines, the verdict first; the report has the rest."""

from typing import Any

MATCHED = 3.0  # free: descriptors within three floors, the distance of two halves of the data, match
MOST = 5  # decisions shown
NAMES = {"d_max": "d_max", "compactness": "compactness", "aspect_ratio": "aspect ratio", "sphericity": "sphericity"}


def in_floors(report: dict[str, Any]) -> dict[str, float]:
    """Distance of each descriptor between the law taken and the data, in floors of sampling."""
    comparison = report["comparison"]
    distances = comparison["laws"][comparison["taken"]]["distances"]
    return {name: distance / max(comparison["floor"][name], 1e-12) for name, distance in distances.items()}


def verdict(report: dict[str, Any]) -> str:
    """Whether the law has the shapes of the data; what does not match is named."""
    apart = {name: value for name, value in in_floors(report).items() if value > MATCHED}
    if not apart:
        return f"verdict: the law matches the data, all descriptors within {MATCHED:g} floors"
    named = ", ".join(f"{NAMES.get(name, name)} {value:.1f}" for name, value in apart.items())
    return f"verdict: the law does NOT match the data in {named} floors (up to {MATCHED:g} match)"


def shell_lines(report: dict[str, Any]) -> list[str]:
    """Verdict, particles, size, law and its distances, and what was decided: ten lines at most."""
    comparison = report["comparison"]
    floors = ", ".join(f"{NAMES.get(name, name)} {value:.1f}" for name, value in in_floors(report).items())
    lines = [
        verdict(report),
        _particles(report),
        _size(report),
        f"law        {comparison['taken']}; distance from the data in floors: {floors}",
    ]
    decisions = report["decisions"]
    shown = decisions if len(decisions) <= MOST + 1 else decisions[:MOST]
    lines += [f"decided    {text}" for text in shown]
    if len(shown) < len(decisions):
        lines.append(f"decided    and {len(decisions) - len(shown)} more, with --json or in the report")
    return lines


def _particles(report: dict[str, Any]) -> str:
    counts, stars = report["segmentation"], report["star_shapes"]
    left = {
        "cut by the border": counts["border"],
        "too small or rough": counts["dropped_alone"] + counts["dropped_after_merge"],
        "not star-shaped": stars["centre_outside"] + stars["radius"],
    }
    gone = ", ".join(f"{count} {words}" for words, count in left.items() if count) or "none"
    share = f"{100 * counts['foreground_share']:.1f} % solid"
    return f"particles  {stars['shapes']} in the law, {share}; left out: {gone}"


def _size(report: dict[str, Any]) -> str:
    stars, voxel = report["star_shapes"], report["input"]["voxel_size_um"]
    radius = stars["mean_equivalent_radius"]
    shape = "×".join(str(size) for size in report["input"]["shape"])
    return (
        f"size       mean diameter {2 * radius * voxel:.4g} µm (radius {radius:.2f} voxels of {voxel:g} µm, {shape}), "
        f"sphericity {stars['mean_sphericity_shell']:.3f}"
    )
