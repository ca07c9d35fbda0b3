"""The verdict of a grain calibration: do measured sections agree with sections of the model, and if not, what follows?

What it is made of is computed in `agreement`. A model file keeps it among its provenance; older files have none.
Nothing heavy is imported here, so that `models`, `info` and `generate` can say it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nmcfast.errors import NmcfastError
from nmcfast.parameters import GRAINS_VERDICT

LEVEL = 0.0025  # p-value of one of the four tests below which the verdict is failed (docs/results/verdict_power.md)
TELLING = 3.0  # standard errors from which a statistic of a failed test is named
SHOWN = 5  # sentences of a failed verdict that are printed


class VerdictError(NmcfastError):
    """A calibration without a passed verdict, where one was asked for."""


@dataclass(frozen=True)
class GroupTest:
    """χ² of a group of statistics, its degrees of freedom, and p, which knows how well the covariance is known."""

    chi2: float
    freedom: int
    p_value: float


@dataclass(frozen=True)
class Comparison:
    """One statistic: mean over measured sections and over those of the model, standard error of their difference.

    group: of which test; means: what the sign of the difference means in 3D.
    """

    group: str
    measured: float
    model: float
    error: float
    means: str

    @property
    def apart(self) -> float:
        """Difference in standard errors, positive where the model has more."""
        return (self.model - self.measured) / self.error


@dataclass(frozen=True)
class Verdict:
    """Outcome: the tests by group, every statistic by name, scores in floors, and numbers at the end of their range.

    sections and model_sections: how many were compared. scores: of held-out cutouts and of held-out whole sections, W₁
    to the model in floors. none: why there is no verdict, where there is none; lacking: why the model's sections cannot
    be compared, though the measured ones can, which is a failure.
    """

    sections: int = 0
    model_sections: int = 0
    tests: Mapping[str, GroupTest] = field(default_factory=dict)
    statistics: Mapping[str, Comparison] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    at_bound: tuple[str, ...] = ()
    none: str = ""
    lacking: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether no test fails; None where there is no verdict."""
        return None if self.none else not (self.failures or self.lacking)

    @property
    def failures(self) -> list[str]:
        """Groups whose test fails, the worst first."""
        return sorted((g for g, t in self.tests.items() if t.p_value < LEVEL), key=lambda g: self.tests[g].p_value)

    @property
    def line(self) -> str:
        """The verdict in one line."""
        if self.none:
            return f"verdict: none, {self.none}"
        if self.lacking:
            return f"verdict: FAILED, distrust 3D: {self.lacking}, as measured ones do not"
        tests = ", ".join(f"{group} p = {test.p_value:.2g}" for group, test in self.tests.items())
        if self.passed:
            return f"verdict: passed, {self.sections} measured sections agree with sections of the model ({tests})"
        return f"verdict: FAILED, distrust 3D: {self.sections} measured sections differ from the model's ({tests})"

    @property
    def meanings(self) -> list[str]:
        """What does not match and what it means in 3D, a sentence each, the most certain first; none if passed."""
        found: dict[str, str] = {}
        rows = [(name, row) for name, row in self.statistics.items() if row.group in self.failures]
        for name, row in sorted(rows, key=lambda pair: -abs(pair[1].apart)):
            if abs(row.apart) >= TELLING:
                numbers = f"model {row.model:.3g}, measured {row.measured:.3g}, {abs(row.apart):.0f} standard errors"
                found.setdefault(row.means, f"{row.means} ({name}: {numbers})")
        return list(found.values())

    @property
    def lines(self) -> list[str]:
        """The verdict for a person: its line, what it means in 3D, scores, numbers at a bound."""
        said = self.meanings
        lines = [self.line, *(f"  {text}" for text in said[:SHOWN])]
        if self.failures and not said:
            lines.append("  no single statistic stands out; they differ together")
        if len(said) > SHOWN:
            lines.append(f"  and {len(said) - SHOWN} more, in the report and in the model file")
        if self.at_bound:
            lines.append(f"  at an end of their range: {', '.join(self.at_bound)}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """What a model file keeps: four digits of each number; JSON-able."""
        kept = _rounded({**asdict(self), "at_bound": list(self.at_bound)})
        return {"passed": self.passed, "said": Verdict.from_dict(kept).lines, **kept}

    @staticmethod
    def from_dict(kept: Mapping[str, Any]) -> "Verdict":
        """The verdict that `to_dict` kept."""
        return Verdict(
            kept["sections"],
            kept["model_sections"],
            {name: GroupTest(**test) for name, test in kept["tests"].items()},
            {name: Comparison(**row) for name, row in kept["statistics"].items()},
            kept["scores"],
            tuple(kept["at_bound"]),
            kept["none"],
            kept["lacking"],
        )


def verdict_of(provenance: Mapping[str, Any]) -> Verdict:
    """The verdict in a model's provenance; for one without, a verdict that says why there is none."""
    if GRAINS_VERDICT in provenance:
        return Verdict.from_dict(provenance[GRAINS_VERDICT])
    if "grains_report" in provenance:
        return Verdict(none="the grains were calibrated before verdicts were made; calibrate them again")
    if "grains_reference" in provenance:
        return Verdict(none="the grains were not fitted to measured sections but to simulated ones of a reference")
    if "grains_from" in provenance:
        return Verdict(none=f"the grains are those of {provenance['grains_from']['model']}, which has none")
    return Verdict(none="the model does not say what its grains were fitted to")


def _rounded(value: Any) -> Any:
    """Numbers to four digits, in whatever holds them."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: _rounded(inner) for name, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value
