"""The method of a fit, the quantities calculated from it, and its plots."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from tau3mu.fit.language.base import (
    Interval,
    Name,
    Positive,
    Strict,
    either,
    formula,
    ordered,
)

__all__ = [
    "GoodnessOfFit",
    "Method",
    "Minos",
    "Outputs",
    "Plot",
    "Stage",
    "Starts",
    "Text",
    "Window",
]

Edge = Annotated[float | str, AfterValidator(formula)]


def _ordered_numbers(edges: tuple[float | str, float | str]) -> tuple[float | str, float | str]:
    lower, upper = edges
    if isinstance(lower, float) and isinstance(upper, float):
        ordered((lower, upper))
    return edges


class Stage(Strict):
    """A preliminary fit of some components in a part of the range, for start values."""

    spectrum: Name | None = Field(
        default=None, description="The spectrum; required if there are several."
    )
    components: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="The components that are fitted; the others are left out."
    )
    ranges: Annotated[tuple[Interval, ...], Field(min_length=1)] = Field(
        description="The bins with centers in one of these, or the entries in them, are fitted."
    )

    def contains(self, x: np.ndarray) -> np.ndarray:
        """Returns which values lie in one of the ranges.

        Args:
            x: Values of the observable, shape (n,).
        """
        return np.asarray(np.any([(x >= low) & (x <= high) for low, high in self.ranges], axis=0))


class Starts(Strict):
    """The number of starting points: the first follows from the stages, the others are random."""

    number: Positive = Field(
        default=1, description="The number of starts; the lowest minimum is the result."
    )
    seed: int = Field(default=1, description="The seed of the random numbers.")


class GoodnessOfFit(Strict):
    """A p-value from toys of the fitted model, for where the distribution of the χ² is unknown."""

    toys: Positive = Field(description="The number of toys.")
    seed: int = Field(default=1, description="The seed of the random numbers.")


class Minos(Strict):
    """The quantities that get asymmetric errors from Minos, and the confidence levels."""

    parameters: Literal["all"] | tuple[Name, ...] = Field(
        default="all",
        description="Parameters, including those with an expression, and derived quantities; "
        '`"all"`: all free parameters.',
    )
    levels: Annotated[tuple[Literal[68, 90, 95], ...], Field(min_length=1)] = Field(
        default=(68,),
        description="Confidence levels in percent: 68 (one standard deviation), 90 or 95.",
    )


class Method(Strict):
    """How the minimum and the errors are found."""

    loss: Literal["likelihood", "chi2"] = Field(
        default="likelihood",
        description="likelihood: the extended likelihood of counts or of single entries; chi2: "
        "Neyman's χ² of counts, with the variances of the histogram. Bins without a variance, such "
        "as empty bins, are skipped and listed in the result.",
    )
    engine: Literal["zfit", "numpy"] = Field(
        default="zfit",
        description="The engine of the final fit: zfit, or the faster NumPy evaluator of the same "
        "model, which is also used for the search, toys and trials.",
    )
    stages: tuple[Stage, ...] = Field(
        default=(), description="Preliminary fits, one after the other."
    )
    starts: Starts = Field(
        default_factory=Starts,
        description="Starting points; several of them find the lowest of many minima.",
    )
    minos: Annotated[
        Literal["all"] | tuple[Name, ...] | Minos,
        either(
            "'all', a list of names of parameters and derived quantities, or an object with "
            "'parameters' and 'levels' (of 68, 90 and 95)"
        ),
    ] = Field(
        default=(),
        description="The parameters and derived quantities that also get asymmetric errors from "
        'Minos; `"all"`: all free parameters.',
    )
    goodness_of_fit: GoodnessOfFit | None = Field(
        default=None, description="A p-value from toys. Default: only the p-value of the χ²."
    )

    @property
    def minos_names(self) -> Literal["all"] | tuple[str, ...]:
        """The quantities that get asymmetric errors from Minos, or all free parameters."""
        return self.minos.parameters if isinstance(self.minos, Minos) else self.minos

    @property
    def minos_levels(self) -> tuple[int, ...]:
        """The confidence levels of Minos in percent, each once, ascending."""
        return tuple(sorted(set(self.minos.levels))) if isinstance(self.minos, Minos) else (68,)


class Window(Strict):
    """A part of the range in which signal and background are counted."""

    spectrum: Name | None = Field(
        default=None, description="The spectrum; required if there are several."
    )
    signal: tuple[str, ...] = Field(
        description="The components that are signal; all others are background."
    )
    range: Annotated[tuple[Edge, Edge], AfterValidator(_ordered_numbers)] = Field(
        description="Numbers, or expressions of parameters such as `mean_Jpsi - 3*width_Jpsi`."
    )


class Outputs(Strict):
    """Optional outputs."""

    sweights: bool = Field(
        default=False,
        description="Writes sWeights of all components beside the entries (unbinned fits).",
    )
    scans: tuple[Name, ...] = Field(
        default=(), description="The parameters whose profile likelihood is drawn."
    )


class Text(Strict):
    """A line of text on the plot, with its position as a fraction of the axes."""

    x: float = Field(description="Left end, 0 to 1.")
    y: float = Field(description="Baseline, 0 (bottom) to 1.")
    text: str = Field(description="Text with matplotlib's formulas, such as `$D_s^+$`.")


class Plot(Strict):
    """The plots of the fit."""

    style: Literal["CMS", "ALICE", "plain"] = Field(default="CMS", description="The style.")
    status: str = Field(
        default="Private work", description="Printed beside the name of the experiment."
    )
    experiment: str | None = Field(
        default=None,
        description="The name above the plot. Default: that of the style; empty: neither name nor "
        "status.",
    )
    lumi: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="The integrated luminosity in fb⁻¹. Default: that of the datasets.",
    )
    energy: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="The center-of-mass energy in TeV. Default: that of the datasets, or 13 for "
        "CMS without datasets.",
    )
    log: bool = Field(default=False, description="Draws the counts on a logarithmic scale.")
    y_range: Interval | None = Field(default=None, description="The range of the vertical axis.")
    parameters: dict[Name, str] = Field(
        default_factory=dict,
        description="Parameters that are printed on the plot, and their symbols.",
    )
    text: tuple[Text, ...] = Field(default=(), description="Lines of text.")

    @property
    def heading(self) -> str:
        """The name of the experiment above the plot, "" if there is none."""
        if self.experiment is not None:
            return self.experiment
        return "" if self.style == "plain" else self.style
