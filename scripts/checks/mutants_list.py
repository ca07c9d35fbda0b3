"""The mutants of `mutants.py`: what is changed where, which tests are asked, and why it may survive, if it may."""

from dataclasses import dataclass

LABELS = ("tests/test_exactness.py -k label-",)
BOXES = ("tests/test_exactness.py -k boxes-", "tests/test_boxes.py")
HALO = ("tests/test_exactness.py -k halo", "tests/test_halo.py")
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
    ),
    Mutant("tiny", "", "np.float32(2.0**-100)", "np.float32(2.0**-10)", "tangents taken as flat that are not"),
    Mutant(
        "tiny 0",
        "",
        "np.float32(2.0**-100)",
        "np.float32(0.0)",
        "gradients from underflown squares",
        equivalent="a square loses bits only below 2⁻¹²⁶, |u| < 2⁻⁶³; dx is 0, and then flat all the same, or at least 2⁻⁴⁶ "
        "(float64 less the middle), so |A| < 2⁻¹⁷ in that direction, and a slope that is wrong there by a part of |A| w "
        "is below what the error grants the rest",
    ),
    Mutant("tile", "place_seeds", "+ np.float32(TILE)", "", "how far points of a tile are from its middle"),
    Mutant("place", "place_seeds", "abs(x) + abs(y) + abs(z) + ", "", "how far seeds are from the middle"),
    Mutant("squared reach", "place_seeds", "np.float32(2.0) * reach * reach", "reach", "error of squares"),
    Mutant("offset", "place_seeds", "reach + abs(c[o + R])", "reach", "rounding of the offset"),
    Mutant("tangent error", "_lowest", "- halves(at(c, a + ERROR), at(c, b + ERROR))", "", "error of whom a cap drops"),
    Mutant("below error", "_below_corners", "load(t, p + _V) - error", "load(t, p + _V)", "error of whom corners drop"),
    Mutant(
        "pick error",
        "_pick_corners",
        "_picked(scratch, R) - _picked(scratch, ERROR)",
        "_picked(scratch, R)",
        "error of a pick at the corners",
    ),
    Mutant("fall", "_lowest", "most(gx, zero - gx)", "gx", "lowest corner of a tangent"),
    Mutant("highest corner", "_pick_corners", "most(high, value)", "value", "highest value of a pick"),
    Mutant("corner of a pick", "_pick_corners", "dx + wx if k & 1", "dx if k & 1", "corners of a pick"),
    Mutant("corner of a tangent", "_below_corners", "near - gy, near + gy", "near, near + gy", "corners of a tangent"),
    Mutant(
        "all corners",
        "_below_corners",
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
        "_below_corners",
        "a_bits & a_bits >> 8",
        "a_bits | a_bits >> 8",
        "one pick suffices to drop",
        LABELS + WORK,
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
        "cap error", "_peak", "c[i + R] - c[i + ERROR], c[j + R] - c[j + ERROR]", "c[i + R], c[j + R]", "error of a cap"
    ),
    Mutant(
        "cap width",
        "_cap_of",
        "np.float32((last[2] - first[2]) * h)",
        "np.float32((last[2] - first[2] - 1) * h)",
        "caps hold up to voxel faces",
        BOXES + HALO,
    ),
    Mutant("cap levels", "_fill_upper_levels", "max(caps[place]", "min(caps[place]", "the largest of the halves' caps"),
    Mutant(
        "bare cells",
        "_low_seeds",
        "if _sweep(c, who, value, cells, edge, low, offset, asked, share, squared):",
        "if _sweep(c, who, value, cells, edge, low, offset, asked, share, squared) < 0:",
        "cells that no seed reached",
        ("tests/test_gbpd.py -k far_from_all",),
    ),
    Mutant("known caps", "_offer_own", "if known and not", "if n < 0 and not", "caps among the few alone", HALO),
    # what rounds, in a leaf
    Mutant("far", "_rounding", "24 * far", "2 * far", "roundings that grow with |x − s|"),
    Mutant("far at all", "_rounding", "+ 24 * far", "", "the same, all of it"),
    Mutant("leaf place", "_rounding", "(place + 24 * far)", "(24 * far)", "rounding of s"),
    Mutant(
        "leaf width", "_rounding", "- at(c, o + Z)) + 6", "- at(c, o + Z))", "how far voxels are from a leaf's middle"
    ),
    Mutant("leaf offset", "_rounding", "e + 4 * r", "e", "rounding of the offset"),
    Mutant("leaf floor", "_rounding", "+ np.float32(2.0**-40)", "", "error where squares underflow"),
    Mutant("leaf unit", "_rounding", "bound * np.float32(2.0**-24)", "bound * np.float32(2.0**-29)", "half an ulp"),
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
        "margin = max(margin, at(c, o + ERROR))".replace("margin = ", ""),
        "at(c, o + ERROR)",
        "the worst candidate of a tile",
    ),
    Mutant("near", "compete", "spread(margin + margin)", "spread(margin * np.float32(2.0**-6))", "two errors meet"),
    Mutant("doubt", "settle", "np.float32(2.0) * _rounding", "np.float32(2.0**-4) * _rounding", "two errors meet"),
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
    Mutant("pivot floor", "factors", "1e-13 *", "1e-11 *", "d moved by 53 · 2⁻²⁴ |A| |x − s|"),
    Mutant("no pivot floor", "factors", "1e-13 *", "0.0 *", "singular M divide by next to nothing", LABELS + SEEDS),
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
        LABELS + SEEDS,
        "a pivot of a positive semi-definite M is below zero by rounding alone, 4e-16 of the trace, `floor` is 1e-13",
    ),
    Mutant(
        "indefinite", "first_indefinite", "5e-14 * trace", "5e-12 * trace", "matrices with a negative eigenvalue", SEEDS
    ),
    # boxes
    Mutant(
        "box inset",
        "list_boxes",
        "first, last, half, tile[2], 0",
        "first, last, half, tile[2], 1",
        "lists hold between voxel centres",
        BOXES,
    ),
    Mutant(
        "box of one",
        "list_boxes",
        "size == _EDGE or count == 1",
        "size == _EDGE or count <= 2",
        "larger boxes where one seed wins",
        BOXES,
        "lists of larger boxes hold too: a longer way for those who look",
    ),
    # halo
    Mutant(
        "mark inset",
        "_mark_box",
        "first, last, half, tile[2], 0",
        "first, last, half, tile[2], 1",
        "halos hold between voxel centres",
        HALO,
    ),
    Mutant("twig inset", "_mark_twig", "_LEAF, middle, 0", "_LEAF, middle, 1", "the same, in leaves of 2³", HALO),
    Mutant(
        "doubt inset",
        "_doubtful_twigs",
        "first, last, half, tile[2], 0",
        "first, last, half, tile[2], 1",
        "the same, where a grain may come back",
        HALO,
    ),
    Mutant(
        "guard inset",
        "_guard_box",
        "first, last, half, tile[2], 0",
        "first, last, half, tile[2], 1",
        "the same, for who guards",
        HALO,
    ),
    Mutant(
        "guarded inset", "_is_guarded", "TWIG, middle, 0", "TWIG, middle, 1", "the same, for whether two suffice", HALO
    ),
    Mutant("guards", "_is_guarded", "return not split(", "return 0 < split(", "whether two seeds suffice", HALO),
    Mutant(
        "few",
        "_doubtful_twigs",
        "not wanted >> k & 1 or",
        "not wanted >> k & 1 or half == TWIG or",
        "grains that come back",
        HALO,
    ),
    Mutant(
        "known lists", "_mark_box", "if known or half == TWIG:", "if True:", "boxes whose winner is not known yet", HALO
    ),
)
