"""How often the verdict flags right laws, and how often wrong ones: sections of known laws, fitted by the start law.

    python scripts/studies/verdict_power.py --kinds right "longer outside" --seeds 0 10
    python scripts/studies/verdict_power.py --summary

Each case draws clean sections of a law, fits the plain law to their moments, and asks for the verdict on that law.
No training: what a GAN adds on top is not in this study. One JSON file a case is kept in --work, and an interrupted
study goes on.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from nmcfast.calibration.grains import reference, wrong_laws
from nmcfast.calibration.grains.agreement import compare_statistics
from nmcfast.calibration.grains.moment_fit import fit_moments
from nmcfast.calibration.grains.section_profile import GROUPS, section_statistics
from nmcfast.calibration.grains.start_law import PARTS, PlainLaw
from nmcfast.calibration.grains.verdict import LEVEL, Verdict
from nmcfast.parameters import MU

RADIUS = 118  # px
KINDS = {
    "longer outside": wrong_laws.LONGER_OUTSIDE,
    "denser core": wrong_laws.DENSER_CORE,
    "hard cores 0.15": wrong_laws.HARD_CORE_15,
    "hard cores 0.30": wrong_laws.HARD_CORE_30,
    "mixture": wrong_laws.Truth("mixture", reference.MIXED, MU),
}


def random_plain_law(rng: np.random.Generator) -> PlainLaw:
    """A plain law from pancakes to needles: numbers uniform in what the closure architectures span, and some more."""
    low, high = (-0.6, 0.05, 0.05, 0.3, 0.0, -0.3), (1.2, 0.45, 0.45, 1.5, 5.0, 0.3)
    shape, first, across, spread, coupling, log = rng.uniform(low, high)
    return PlainLaw(shape, first, across, spread, coupling, MU * float(np.exp(log)), 5.0, 5.5)


def draw(kind: str, seed: int, count: int) -> list[np.ndarray]:
    """Sections of a case."""
    rng = np.random.default_rng([seed, sorted([*KINDS, "right"]).index(kind)])
    if kind == "right":
        law = random_plain_law(rng)
        return [reference.draw_section(law, law.mu, RADIUS, rng) for _ in range(count)]
    return [KINDS[kind].section(RADIUS, rng) for _ in range(count)]


def case(kind: str, seed: int, args: argparse.Namespace) -> dict:
    """The fit of one case and the statistics of its sections and of those of the fitted law."""
    start = time.perf_counter()
    labels = draw(kind, seed, args.sections)
    fit = fit_moments(labels, np.random.default_rng([seed, 99]), 5.0, 5.5, rounds=args.rounds, parts=args.parts)
    rng = np.random.default_rng([seed, 98])
    drawn = range(args.model_sections)
    model = [reference.draw_section(fit.law, fit.law.mu, RADIUS, rng, arrangement=fit.arrangement) for _ in drawn]
    return {
        "kind": kind,
        "seed": seed,
        "rounds": args.rounds,
        "seconds": round(time.perf_counter() - start),
        "fit": fit.table(),
        "measured": [section_statistics(section).tolist() for section in labels],
        "model": [section_statistics(section).tolist() for section in model],
    }


def verdict_on(found: dict) -> Verdict:
    """The verdict on a case, by the tests and levels of today."""
    measured, model = np.array(found["measured"]), np.array(found["model"])
    tests, rows = compare_statistics(measured, model)
    return Verdict(len(measured), len(model), tests, rows, at_bound=tuple(found["fit"]["at_bound"]))


def summary(work: Path, commit: str) -> list[str]:
    """The page of results: flagged and not by kind, by which tests, what was said first, and every case."""
    cases = [json.loads(path.read_text()) for path in sorted(work.glob("*.json"))]
    verdicts = [(case, verdict_on(case)) for case in cases]
    rounds, sections = sorted({str(case["rounds"]) for case in cases}), len(cases[0]["measured"])
    lines = [
        "# Power of the verdict on a grain calibration",
        "",
        f"    python scripts/studies/verdict_power.py --rounds {' '.join(map(str, cases[0]['rounds']))}",
        "    python scripts/studies/verdict_power.py --summary",
        "",
        f"Sections and fits of commit {commit}, tests of the code beside this page."
        f" {sections} clean sections of {RADIUS} px each, start law fitted with {', '.join(rounds)}"
        f" simulated sections, {len(cases[0]['model'])} sections of it compared, no training. A verdict is failed where"
        f" p of one of the four tests is below {LEVEL:g}. Right laws are plain laws with random numbers.",
        "",
        "| law | cases | flagged | by " + " | by ".join(GROUPS) + " | χ² of the fit alone below p 0.001 |",
        "|---|---|---|" + "---|" * (len(GROUPS) + 1),
    ]
    for kind in ["right", *KINDS]:
        own = [(case, verdict) for case, verdict in verdicts if case["kind"] == kind]
        by = [sum(group in verdict.failures for _, verdict in own) for group in GROUPS]
        start = sum(case["fit"]["p_value"] < 1e-3 for case, _ in own)
        lines.append(
            f"| {kind} | {len(own)} | {sum(not v.passed for _, v in own)} | {' | '.join(map(str, by))} | {start} |"
        )
    lines += ["", "| law | seed | least p | test | first sentence of a failed verdict |", "|---|---|---|---|---|"]
    for case, verdict in verdicts:
        group = min(verdict.tests, key=lambda g: verdict.tests[g].p_value)
        said = verdict.meanings[0] if verdict.meanings else ""
        lines.append(f"| {case['kind']} | {case['seed']} | {verdict.tests[group].p_value:.1g} | {group} | {said} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=["right", *KINDS], choices=["right", *KINDS])
    parser.add_argument("--seeds", nargs=2, type=int, default=[0, 10], metavar=("FIRST", "END"))
    parser.add_argument("--sections", type=int, default=8)
    parser.add_argument("--model-sections", type=int, default=96)
    parser.add_argument("--parts", nargs="*", default=[], choices=list(PARTS), help="that may widen the start law")
    parser.add_argument("--rounds", nargs="+", type=int, default=[12, 24], help="simulated sections of each round")
    parser.add_argument("--work", type=Path, default=Path("verdict_work"))
    parser.add_argument("--summary", action="store_true", help="only write the table of the cases in --work")
    parser.add_argument("--commit", default="", help="of the code that ran, for the summary")
    parser.add_argument("--output", type=Path, default=Path("docs/results/verdict_power.md"))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    if args.summary:
        args.output.write_text("\n".join(summary(args.work, args.commit)) + "\n")
        return
    for seed in range(*args.seeds):
        for kind in args.kinds:
            path = args.work / f"{kind.replace(' ', '_')}_{seed}.json"
            if not path.exists():
                path.write_text(json.dumps(case(kind, seed, args)))
                print(path, flush=True)


if __name__ == "__main__":
    main()
