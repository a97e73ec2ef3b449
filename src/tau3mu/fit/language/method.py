"""How a fit is made, what is calculated from it, and how it is drawn."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from tau3mu.fit.language.base import (
    Formula,
    Interval,
    Name,
    Positive,
    Strict,
    either,
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

Edge = Annotated[float | Formula, either("a number or an expression")]


def _ordered_numbers(edges: tuple[float | str, float | str]) -> tuple[float | str, float | str]:
    lower, upper = edges
    if isinstance(lower, float) and isinstance(upper, float):
        ordered((lower, upper))
    return edges


class Stage(Strict):
    """A fit of some components in a part of the range, which gives start values."""

    spectrum: Name | None = Field(default=None, description="Which one, where there are several.")
    components: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="The components that are fitted, without the others."
    )
    ranges: Annotated[tuple[Interval, ...], Field(min_length=1)] = Field(
        description="The bins with centres in one of these, or the entries in them, are fitted."
    )

    def contains(self, x: np.ndarray) -> np.ndarray:
        """Returns which values lie in one of the ranges."""
        return np.asarray(np.any([(x >= low) & (x <= high) for low, high in self.ranges], axis=0))


class Starts(Strict):
    """From how many points the fit starts: the staged one, the others drawn with the seed."""

    number: Positive = Field(
        default=1, description="How many starts; the lowest minimum is the result."
    )
    seed: int = Field(default=1, description="Of the random numbers.")


class GoodnessOfFit(Strict):
    """A p-value from toys of the fitted model, for when the χ² has no known distribution."""

    toys: Positive = Field(description="How many toys are fitted.")
    seed: int = Field(default=1, description="Of the random numbers.")


class Minos(Strict):
    """What gets the asymmetric errors of Minos, and at which levels."""

    parameters: Literal["all"] | tuple[Name, ...] = Field(
        default="all",
        description="Parameters, also those with an expression, and derived quantities; or all "
        "parameters that are free.",
    )
    levels: Annotated[tuple[Literal[68, 90, 95], ...], Field(min_length=1)] = Field(
        default=(68,),
        description="Confidence levels in percent: 68 (one standard deviation), 90 or 95.",
    )


class Method(Strict):
    """How the minimum is searched and the errors are found."""

    loss: Literal["likelihood", "chi2"] = Field(
        default="likelihood",
        description="likelihood: extended, of counts or of single entries; chi2: Neyman's, of "
        "counts, with the variances of the histogram; bins without one, as empty bins are, are "
        "skipped, and the result says which.",
    )
    engine: Literal["zfit", "numpy"] = Field(
        default="zfit",
        description="What finishes the fit after the search: zfit, or the faster evaluator of the "
        "same model with which the search, toys and trials are made.",
    )
    stages: tuple[Stage, ...] = Field(default=(), description="Fits of parts, one after the other.")
    starts: Starts = Field(
        default_factory=Starts,
        description="Several starts find the lowest of many minima.",
    )
    minos: Annotated[
        Literal["all"] | tuple[Name, ...] | Minos,
        either(
            "'all', a list of names of parameters and derived quantities, or an object with "
            "'parameters' and 'levels' (of 68, 90 and 95)"
        ),
    ] = Field(
        default=(),
        description="The parameters and derived quantities that also get the asymmetric errors of "
        "Minos, or all free parameters.",
    )
    goodness_of_fit: GoodnessOfFit | None = Field(
        default=None, description="A p-value from toys. Left out, only that of the χ² is given."
    )

    @property
    def minos_names(self) -> Literal["all"] | tuple[str, ...]:
        """What gets the asymmetric errors of Minos, or all free parameters."""
        return self.minos.parameters if isinstance(self.minos, Minos) else self.minos

    @property
    def minos_levels(self) -> tuple[int, ...]:
        """The levels of Minos in percent, each once, rising."""
        return tuple(sorted(set(self.minos.levels))) if isinstance(self.minos, Minos) else (68,)


class Window(Strict):
    """A part of the range in which signal and background are counted."""

    spectrum: Name | None = Field(default=None, description="Which one, where there are several.")
    signal: tuple[str, ...] = Field(
        description="The components that are signal; all others are background."
    )
    range: Annotated[tuple[Edge, Edge], AfterValidator(_ordered_numbers)] = Field(
        description="Numbers, or expressions of parameters such as `mean_Jpsi - 3*width_Jpsi`."
    )


class Outputs(Strict):
    """What is written beside the result, its ROOT file and its plots."""

    sweights: bool = Field(
        default=False,
        description="sWeights of all components, as columns beside the entries (unbinned).",
    )
    scans: tuple[Name, ...] = Field(
        default=(), description="Parameters for which the profile of the likelihood is drawn."
    )


class Text(Strict):
    """A line of text on the plot; 0 to 1 is the width and the height of the axes."""

    x: float = Field(description="Where it begins, from left to right.")
    y: float = Field(description="Its base line, from bottom to top.")
    text: str = Field(description="With formulas as matplotlib writes them, such as `$D_s^+$`.")


class Plot(Strict):
    """How the fit is drawn."""

    style: Literal["CMS", "ALICE", "plain"] = Field(default="CMS", description="Whose look it has.")
    status: str = Field(
        default="Private work", description="Stands beside the name of the experiment."
    )
    experiment: str | None = Field(
        default=None,
        description="The name above the plot. Left out, it is that of the style; if it is empty, "
        "neither name nor status are there.",
    )
    lumi: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="The integrated luminosity in fb⁻¹. Left out, it is that of the datasets.",
    )
    energy: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="The center-of-mass energy in TeV. Left out, it is that of the datasets' eras, "
        "or 13 for CMS if there are none.",
    )
    log: bool = Field(
        default=False, description="Whether the counts are drawn on a logarithmic scale."
    )
    y_range: Interval | None = Field(default=None, description="The range of the counts.")
    parameters: dict[Name, str] = Field(
        default_factory=dict, description="Parameters to print on the plot, and their symbols."
    )
    text: tuple[Text, ...] = Field(default=(), description="Lines of text.")

    @property
    def heading(self) -> str:
        """The name of the experiment above the plot, "" if there is none."""
        if self.experiment is not None:
            return self.experiment
        return "" if self.style == "plain" else self.style
