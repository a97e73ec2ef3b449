"""The small parts of a fit file: input, observable, parameters and their constraints."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from tau3mu.fit.expressions import ExpressionError, parse
from tau3mu.fit.language.base import (
    Interval,
    Name,
    Positive,
    Strict,
    either,
    refuse,
    require_order,
)

if TYPE_CHECKING:
    from tau3mu.fit.expressions import Expression

__all__ = ["Constraint", "Input", "Labels", "Observable", "Parameter", "parsed"]


class Input(Strict):
    """What is fitted: a histogram, or a column of single entries."""

    file: str | None = Field(
        default=None,
        description="A ROOT file, a histogram as UHI JSON, a parquet file, or a results folder; "
        "relative to the fit file. Left out, it is given when the fit is run.",
    )
    histogram: str | None = Field(
        default=None,
        description="The histogram of the file, or as the processor of the run calls it.",
    )
    tree: str | None = Field(default=None, description="The TTree or RNTuple that has the column.")
    column: str | None = Field(
        default=None,
        description="The column of an unbinned fit: a branch, or a column of parquet. If it has a "
        "list per event, each item of the lists is an entry.",
    )
    weight: str | None = Field(
        default=None, description="The column with the weights of the entries."
    )

    @model_validator(mode="after")
    def _check(self) -> Input:
        if (self.histogram is None) == (self.column is None):
            refuse("give either 'histogram' (a binned fit) or 'column' (an unbinned one)")
        for key in ("tree", "weight"):
            if self.histogram is not None and getattr(self, key) is not None:
                refuse("belongs to 'column', not to 'histogram'", key)
        return self


class Labels(Strict):
    """A histogram with labelled bins, whose contents parameters can take by `@label`."""

    file: str = Field(description="A ROOT file, relative to the fit file.")
    histogram: str = Field(description="A TH1 whose bins have labels.")


class Observable(Strict):
    """The axis of the spectrum: what is on it, its full range, and its bins."""

    name: Name = Field(description="Of the axis, in what is written.")
    label: str = Field(description="For the axis of plots, such as m(μμπ).")
    unit: str = Field(default="", description="For the axis of plots, such as GeV.")
    range: Interval = Field(
        description="The full range: pdfs are normalised and yields are counted in it."
    )
    bins: Positive | None = Field(
        default=None,
        description="The number of equal bins. A finer histogram is rebinned. Left out, a "
        "histogram keeps its own bins; unbinned data are plotted in 60.",
    )

    @property
    def edges(self) -> np.ndarray:
        """The edges of the bins; of 60, where the file does not say how many."""
        lower, upper = self.range
        return np.linspace(lower, upper, (self.bins or 60) + 1)

    @model_validator(mode="after")
    def _check(self) -> Observable:
        require_order(self.range, "range")
        return self


class Constraint(Strict):
    """What is known of a parameter from elsewhere: a factor of the likelihood."""

    pdf: Literal["normal", "lognormal"] = Field(
        description="normal: the parameter has the mean and the standard deviation; lognormal: its "
        "logarithm has the mean log(mean) and the standard deviation sigma."
    )
    mean: float = Field(description="What is known of it.")
    sigma: float = Field(gt=0, description="How well it is known.")

    @model_validator(mode="after")
    def _check(self) -> Constraint:
        if self.pdf == "lognormal" and self.mean <= 0:
            refuse(f"a lognormal mean is above 0, not {self.mean:g}", "mean")
        return self


class Parameter(Strict):
    """A parameter: free between limits, fixed, or calculated from others."""

    value: Annotated[float | str | None, either("a number or @label")] = Field(
        default=None,
        description="Where the search begins, or the value if fixed. `@label` takes it from the "
        "bin of that label in `labels`; without limits it is then fixed.",
    )
    limits: Interval | None = Field(
        default=None, description="The lowest and the highest value that the fit tries."
    )
    fixed: bool = Field(default=False, description="Whether it keeps its value.")
    expression: str | None = Field(
        default=None,
        description="Calculates it from other parameters, such as `mean_Jpsi + 0.584`: numbers, "
        "names, + - * / **, parentheses, pi and functions such as sqrt, exp, log.",
    )
    constraint: Constraint | None = Field(
        default=None, description="What is known of it from elsewhere, with its uncertainty."
    )

    @property
    def label(self) -> str | None:
        """The label of the bin that gives the value, if one does."""
        return self.value[1:] if isinstance(self.value, str) else None

    @property
    def free(self) -> bool:
        """Whether a fit changes it."""
        return self.limits is not None and not self.fixed

    @cached_property
    def parsed(self) -> Expression | None:
        """The expression, if there is one."""
        return None if self.expression is None else parse(self.expression)

    @model_validator(mode="after")
    def _check(self) -> Parameter:
        if (self.expression is None) == (self.value is None):
            refuse("give either 'value' or 'expression'")
        if self.expression is not None:
            if self.limits is not None or self.fixed:
                refuse("a parameter with an 'expression' has neither 'limits' nor 'fixed'")
            parsed(self.expression, "expression")
            return self
        if isinstance(self.value, str) and not self.value.strip("@"):
            refuse("a label is written @label", "value")
        if isinstance(self.value, str) and not self.value.startswith("@"):
            refuse(f"a number or @label belongs here, not {self.value!r}", "value")
        fixed = self.fixed or (self.limits is None and self.label is not None)
        if self.constraint is not None and fixed:
            refuse("a fixed parameter has nothing to constrain", "constraint")
        if self.limits is None:
            if not self.fixed and self.label is None:
                refuse("missing key 'limits', which a parameter that is not fixed needs")
            return self
        require_order(self.limits, "limits")
        lower, upper = self.limits
        if isinstance(self.value, float) and not lower <= self.value <= upper:
            refuse(f"{self.value:g} lies outside the limits {lower:g} to {upper:g}", "value")
        return self


def parsed(text: str, at: str) -> Expression:
    """Returns an expression of a fit file, or refuses it at the key path `at`."""
    try:
        return parse(text)
    except ExpressionError as error:
        refuse(str(error), at)
