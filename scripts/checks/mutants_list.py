"""The mutants of `mutants.py`: what is changed where, which tests are asked, and why it may survive, if it may."""

from dataclasses import dataclass

LABELS = ("tests/test_exactness.py -k label-",)
SLABS = ("tests/test_exactness.py -k label-row-slabs", *LABELS)
NESTED = ("tests/test_exactness.py -k nested and label-", *LABELS)
MIDDLE = ("tests/test_exactness.py -k concentric and label-",)
FAINT = ("tests/test_exactness.py -k label-row-faint", *LABELS)
SUNK = ("tests/test_exactness.py -k label-row-sunk", *LABELS)
BOXES = ("tests/test_exactness.py -k boxes-", "tests/test_boxes.py")
HALO = (
    "tests/test_exactness.py -k come_back or comes_back or eighth",
    "tests/test_exactness.py -k halo",
    "tests/test_halo.py",
)
CAPS = ("tests/test_exactness.py -k caps_are_above",)
SEEDS = ("tests/test_gbpd.py -k factors or bad_input or indefinite",)
WORK = ("tests/test_gbpd.py -k work_does_not_grow",)


@dataclass(frozen=True)
class Mutant:
    """A text of a function (of a constant at the top of a file, if none is named) that is made another.

    why: what is broken, in a few words. equivalent: why no label changes, where that is so.
    """

    name: str
    function: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...] = LABELS
    equivalent: str = ""


MUTANTS = (
    # what rounds, in all of a tile: candidates
    Mutant(
        "epsilon", "", "np.float32(2.0**-19)", "np.float32(2.0**-26)", "error of a candidate: a quarter of a rounding"
    ),
    Mutant("epsilon, boxes", "", "np.float32(2.0**-19)", "np.float32(2.0**-26)", "the same, seen by lists", BOXES),
    Mutant("epsilon, halo", "", "np.float32(2.0**-19)", "np.float32(2.0**-26)", "the same, seen by halos", HALO),
    Mutant(
        "floor",
        "",
        "2.0**-19), np.float32(2.0**-40)",
        "2.0**-19), np.float32(0.0)",
        "error where squares underflow",
        tests=FAINT,
    ),
    Mutant(
        "tiny", "", "np.float32(2.0**-100)", "np.float32(2.0**-10)", "tangents taken as flat that are not", tests=SLABS
    ),
    Mutant(
        "tiny 0",
        "",
        "np.float32(2.0**-100)",
        "np.float32(0.0)",
        "gradients from underflown squares",
        equivalent="a guard, not shown to bind: q has few bits below 2⁻¹²⁶, |u| < 2⁻⁶³, while x − s is 0, and then "
        "flat all the same, or at least 2⁻⁴⁶ (float64 less the middle): only rows of A as small as the pivot floor "
        "leave so little, and a slope along those is small",
    ),
    Mutant(
        "tile", "place_seeds", "+ np.float32(TILE)", "", "how far points of a tile are from its middle", tests=NESTED
    ),
    Mutant("place", "place_seeds", "abs(x) + abs(y) + abs(z) + ", "", "how far seeds are from the middle"),
    Mutant("squared reach", "place_seeds", "np.float32(2.0) * reach * reach", "reach", "error of squares"),
    Mutant("offset", "place_seeds", "reach + abs(c[o + R])", "reach", "rounding of the offset", tests=SUNK),
    Mutant("tangent error", "_lowest", "- halves(at(c, a + ERROR), at(c, b + ERROR))", "", "error of whom a cap drops"),
    Mutant(
        "below error", "prune_by_corners", "load(t, p + _V) - error", "load(t, p + _V)", "error of whom corners drop"
    ),
    Mutant(
        "pick error",
        "highest_of_picks",
        "_picked(scratch, R) - _picked(scratch, ERROR)",
        "_picked(scratch, R)",
        "error of a pick at the corners",
        ("tests/test_exactness.py -k picks_are_above",),
    ),
    Mutant("fall", "_lowest", "most(gx, zero - gx)", "gx", "lowest corner of a tangent"),
    Mutant("highest corner", "highest_of_picks", "most(high, value)", "value", "highest value of a pick"),
    Mutant("corner of a pick", "highest_of_picks", "dx + wx if k & 1", "dx if k & 1", "corners of a pick"),
    Mutant("corner of a tangent", "below_picks", "near - gy, near + gy", "near, near + gy", "corners of a tangent"),
    Mutant(
        "all corners",
        "below_picks",
        "_least_of_four(low_twice(t4) - e4, ",
        "_least_of_four(low_twice(t4) + e4, ",
        "one corner of eight",
    ),
    Mutant("slope", "_tangents", "np.float32(1.0) / value", "np.float32(1.1) / value", "a unit vector"),
    Mutant("squared slope", "_tangents", "spread(np.float32(2.0))", "spread(np.float32(2.2))", "slope of a square"),
    Mutant(
        "half width",
        "_set_axis",
        "np.float32((cut - first - inset) * 0.5)",
        "np.float32((cut - first - inset) * 0.4)",
        "width of the first children",
    ),
    Mutant(
        "other half width",
        "_set_axis",
        "(last - cut - inset) * 0.5",
        "(last - cut - inset) * 0.4",
        "width of the second children",
    ),
    Mutant(
        "both picks",
        "below_picks",
        "a_bits & a_bits >> 8",
        "a_bits | a_bits >> 8",
        "one pick suffices to drop",
        (*LABELS, *WORK),
    ),
    Mutant(
        "not above",
        "_bits_unless_above",
        'fcmp_unordered("<="',
        'fcmp_unordered("<"',
        "what equals the bar is dropped",
        equivalent="a bound is lower by ERROR ≥ 2⁻⁴⁰ than what it bounds, so that equality is beyond the rounding too",
    ),
    # caps
    Mutant(
        "cap error",
        "_peak",
        "c[i + R] - c[i + ERROR], c[j + R] - c[j + ERROR]",
        "c[i + R], c[j + R]",
        "error of a cap",
        CAPS,
    ),
    Mutant(
        "cap width",
        "_cap_of",
        "np.float32((last[2] - first[2]) * h)",
        "np.float32((last[2] - first[2] - 1) * h)",
        "caps hold up to voxel faces",
        (*CAPS, *BOXES, *HALO),
    ),
    Mutant(
        "cap levels",
        "_fill_upper_levels",
        "max(caps[place]",
        "min(caps[place]",
        "the largest of the halves' caps",
        CAPS,
    ),
    Mutant(
        "bare cells",
        "low_seeds",
        "if _sweep(flat, low, lattice, scene.tile, asked, share, squared):",
        "if _sweep(flat, low, lattice, scene.tile, asked, share, squared) < 0:",
        "cells that no seed reached",
        ("tests/test_exactness.py -k has_a_low_seed",),
    ),
    Mutant("known caps", "_offer_own", "if known and not", "if n < 0 and not", "caps among the few alone", HALO),
    # what rounds, in a leaf
    Mutant("far", "_rounding", "24 * far", "2 * far", "roundings that grow with |x − s|", tests=SLABS),
    Mutant("far at all", "_rounding", "+ 24 * far", "", "the same, all of it", tests=SLABS),
    Mutant(
        "leaf place",
        "_rounding",
        "(place + 24 * far)",
        "(24 * far)",
        "rounding of s",
        equivalent="float32 spaces coordinates in a tile by 2⁻¹⁷: s is off by at most 18.5 far, not by place; the 5.5 "
        "left are exceeded, by 3 %, only if all other roundings are largest at once. place keeps it a proof",
    ),
    Mutant(
        "leaf width",
        "_rounding",
        "- at(c, o + Z)) + 6",
        "- at(c, o + Z))",
        "how far voxels are from a leaf's middle",
        tests=MIDDLE,
    ),
    Mutant("leaf offset", "_rounding", "e + 4 * r", "e", "rounding of the offset", tests=SUNK),
    Mutant("leaf floor", "_rounding", "+ np.float32(2.0**-40)", "", "error where squares underflow", tests=FAINT),
    Mutant(
        "leaf unit",
        "_rounding",
        "bound * np.float32(2.0**-24)",
        "bound * np.float32(2.0**-29)",
        "half an ulp",
        tests=SLABS,
    ),
    Mutant(
        "leaf square",
        "_rounding",
        "e * (2 * norm * far + e * 2.0**-24) + (norm * far) ** 2",
        "e * 2.0**-24",
        "error of squares",
    ),
    Mutant(
        "largest bound",
        "_rounding",
        "bound = max(bound, np.float32(e + 4 * r))",
        "bound = np.float32(e + 4 * r)",
        "the worst candidate of a leaf",
    ),
    Mutant(
        "margin",
        "compete",
        "max(margin, at(c, o + ERROR))",
        "at(c, o + ERROR)",
        "the worst candidate of a tile",
    ),
    Mutant("near", "compete", "spread(margin + margin)", "spread(margin * np.float32(2.0**-6))", "two errors meet"),
    Mutant(
        "doubt of two",
        "settle",
        "np.float32(2.0) * _rounding",
        "np.float32(2.0**-4) * _rounding",
        "two errors meet",
        tests=SLABS,
    ),
    Mutant("lead", "_lead", "min(second, max(d, best))", "max(second, min(d, best))", "the second best"),
    Mutant("ties", "settle", "if d < lowest or", "if d <= lowest or", "ties go to the lower index"),
    Mutant(
        "ties by index",
        "settle",
        "(d == lowest and i < winner)",
        "False",
        "ties go to the lower index",
        equivalent="lists keep the order of the seeds (`pack`), so the first of equals is the lowest; said twice, for "
        "lists made otherwise",
    ),
    Mutant(
        "lead equals",
        "settle",
        "> doubt",
        ">= doubt",
        "a lead of just the bound",
        equivalent="the bound is not reached: of 24 roundings fewer than 12 are made (006)",
    ),
    # factors
    Mutant("pivot floor", "factors", "1e-13 *", "1e-11 *", "d moved by 53 · 2⁻²⁴ |A| |x − s|", tests=SLABS),
    Mutant("no pivot floor", "factors", "1e-13 *", "0.0 *", "singular M divide by next to nothing", (*LABELS, *SEEDS)),
    Mutant(
        "zero matrices",
        "factors",
        "+ 1e-300",
        "",
        "M = 0 divides by zero",
        ("tests/test_gbpd.py -k zero_matri or duplicates or brute and zero",),
    ),
    Mutant(
        "negative pivots",
        "factors",
        "max(m[1, 1] - a01 * a01, 0.0)",
        "abs(m[1, 1] - a01 * a01)",
        "a pivot below zero",
        (*LABELS, *SEEDS),
        "a pivot of a positive semi-definite M is below zero by rounding alone, 4e-16 of the trace, `floor` is 1e-13",
    ),
    Mutant(
        "indefinite", "first_indefinite", "5e-14 * trace", "5e-12 * trace", "matrices with a negative eigenvalue", SEEDS
    ),
    # boxes
    Mutant("box inset", "list_boxes", "squared, 0)", "squared, 1)", "lists hold between voxel centres", BOXES),
    Mutant(
        "box of one",
        "_visit",
        "box.size > _EDGE and box.length > 1",
        "box.size > _EDGE and box.length > 2",
        "larger boxes where two may win",
        BOXES,
        "lists of larger boxes hold too: a longer way for those who look",
    ),
    Mutant(
        "label inset",
        "_label_share",
        "tables.squared, 1), share_of",
        "tables.squared, 0), share_of",
        "labels at voxel centres alone",
        BOXES,
        "boxes up to their faces hold more than is needed: candidates that lose at all voxel centres",
    ),
    # halo
    Mutant("mark inset", "mark_halo", "part.edge, squared, 0", "part.edge, squared, 1", "up to faces: who wins", HALO),
    Mutant(
        "guard inset",
        "guard_halo",
        "part.edge, squared, 0",
        "part.edge, squared, 1",
        "up to faces: who comes back",
        HALO,
    ),
    Mutant(
        "guards",
        "_is_guarded",
        "return not prune_by_corners",
        "return 0 <= prune_by_corners",
        "whether two seeds suffice",
        HALO,
    ),
    Mutant(
        "first guard",
        "_is_guarded",
        "put_bits(work.c, i + KNOWN, 1)",
        "put_bits(work.c, i + KNOWN, 0)",
        "who guards is kept",
        HALO,
    ),
    Mutant("doubt", "_enter_to_doubt", "wins and any_in", "not wins and any_in", "grains that come back", HALO),
    Mutant(
        "seen",
        "_visit_to_mark",
        "if not known and box.size > LEAF:",
        "if not known and box.size > BLOCK_EDGE:",
        "leaves whose winner is not known yet",
        HALO,
        equivalent="the second children of a block reach to its end: more seeds are marked, none less",
    ),
    Mutant(
        "marks",
        "_visit_to_mark",
        "prune_by_corners(work, box, scene.squared, children)",
        "prune_by_corners(work, box, scene.squared, children & 127)",
        "the last eighth of a leaf",
        HALO,
    ),
)
