"""The small parts of a fit file: input, observable, parameters and their constraints."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from tau3mu.fit.expressions import parse, parse_cut
from tau3mu.fit.language.base import (
    CutText,
    Formula,
    Interval,
    Name,
    Positive,
    Strict,
    refuse,
)

if TYPE_CHECKING:
    from tau3mu.fit.expressions import Cut, Expression

__all__ = ["Constraint", "Input", "Labels", "Observable", "Parameter"]


class Input(Strict):
    """The data: a histogram, or a column of single entries."""

    file: str | None = Field(
        default=None,
        description="A ROOT file, a histogram as UHI JSON, a parquet file, or a results folder; "
        "relative to the fit file. Default: given when the fit is run.",
    )
    histogram: str | None = Field(
        default=None,
        description="The histogram in the file, or its name in the processor of a run.",
    )
    tree: str | None = Field(default=None, description="The TTree or RNTuple with the column.")
    column: str | None = Field(
        default=None,
        description="The column of an unbinned fit: a branch, or a column of parquet. Of lists, "
        "each item is an entry.",
    )
    weight: str | None = Field(
        default=None, description="The column with the weights of the entries."
    )
    era: str | None = Field(
        default=None,
        description="The era of a run whose datasets are added: its data, or its simulation where "
        "there is no data of it. A dataset without era is named itself. Default: all data, or all "
        "simulation.",
    )
    cut: CutText | None = Field(
        default=None,
        description="Which entries are fitted: comparisons of columns, such as "
        "`bdt > 0.5 and pt > 3`; see [Cuts](#cuts).",
    )
    binned: bool = Field(
        default=False,
        description="Fills the entries into the `bins` of the observable and fits these.",
    )

    @cached_property
    def condition(self) -> Cut | None:
        """The cut, if there is one."""
        return None if self.cut is None else parse_cut(self.cut)

    @property
    def asked(self) -> dict[str, Any]:
        """What is read of a file, as arguments of `read_data`."""
        names = self.model_dump(include={"histogram", "tree", "column", "weight", "era"})
        return {**names, "cut": self.condition}

    @model_validator(mode="after")
    def _check(self) -> Input:
        if (self.histogram is None) == (self.column is None):
            message = "expected either 'histogram' (a binned fit) or 'column' (an unbinned one)"
            refuse("one-of-keys", message)
        for key in ("tree", "weight", "cut", "binned"):
            if self.histogram is not None and getattr(self, key):
                refuse("conflicting-keys", "is for a 'column', not for a 'histogram'", key)
        return self


class Labels(Strict):
    """A histogram with labeled bins, whose contents are values of parameters by `@label`."""

    file: str = Field(description="A ROOT file, relative to the fit file.")
    histogram: str = Field(description="A TH1 whose bins have labels.")


class Observable(Strict):
    """The axis of the spectrum."""

    name: Name = Field(description="The name of the axis in output files.")
    label: str = Field(description="The label on plots, such as m(μμπ).")
    unit: str = Field(default="", description="The unit, such as GeV.")
    range: Interval = Field(
        description="The full range, in which pdfs are normalized and yields are counted."
    )
    bins: Positive | None = Field(
        default=None,
        description="The number of equal bins; a finer histogram is rebinned. Default: the bins of "
        "the histogram; 60 for plots of unbinned data.",
    )

    @property
    def edges(self) -> np.ndarray:
        """The edges of the bins, shape (bins + 1,); of 60 bins by default."""
        lower, upper = self.range
        return np.linspace(lower, upper, (self.bins or 60) + 1)


class Constraint(Strict):
    """External knowledge of a parameter: a factor of the likelihood."""

    pdf: Literal["normal", "lognormal"] = Field(
        description="normal: the parameter has this mean and standard deviation; lognormal: its "
        "logarithm has the mean log(mean) and the standard deviation sigma."
    )
    mean: float = Field(description="The central value.")
    sigma: float = Field(gt=0, description="The uncertainty.")

    @model_validator(mode="after")
    def _check(self) -> Constraint:
        if self.pdf == "lognormal" and self.mean <= 0:
            message = f"expected a mean above 0 for a lognormal, got {self.mean:g}"
            refuse("wrong-value", message, "mean")
        return self


class Parameter(Strict):
    """A parameter: free between limits, fixed, or calculated from others."""

    value: float | str | None = Field(
        default=None,
        description="The start value, or the value if fixed. `@label` takes it from the bin with "
        "this label in `labels`; without limits it is then fixed.",
    )
    limits: Interval | None = Field(
        default=None, description="The lowest and the highest allowed value."
    )
    fixed: bool = Field(default=False, description="Keeps the parameter at its value.")
    expression: Formula | None = Field(
        default=None,
        description="A formula of other parameters, such as `mean_Jpsi + 0.584`; see "
        "[Expressions](#expressions).",
    )
    constraint: Constraint | None = Field(
        default=None, description="An external measurement of it."
    )

    @property
    def label(self) -> str | None:
        """The label of the bin that gives the value, if one does."""
        return self.value[1:] if isinstance(self.value, str) else None

    @property
    def free(self) -> bool:
        """True if a fit changes it."""
        return self.limits is not None and not self.fixed

    @cached_property
    def parsed(self) -> Expression | None:
        """The expression, if there is one."""
        return None if self.expression is None else parse(self.expression)

    @model_validator(mode="after")
    def _check(self) -> Parameter:
        if (self.expression is None) == (self.value is None):
            refuse("one-of-keys", "expected either 'value' or 'expression'")
        if self.expression is not None:
            if self.limits is not None or self.fixed:
                message = "a parameter with an 'expression' has neither 'limits' nor 'fixed'"
                refuse("conflicting-keys", message)
            return self
        if isinstance(self.value, str) and not (self.value[0:1] == "@" and self.value.strip("@")):
            refuse("wrong-value", f"expected a number or @label, got {self.value!r}", "value")
        fixed = self.fixed or (self.limits is None and self.label is not None)
        if self.constraint is not None and fixed:
            message = "a fixed parameter has nothing to constrain"
            refuse("conflicting-keys", message, "constraint")
        if self.limits is None and not fixed:
            message = "missing key, which a parameter that is not fixed needs"
            refuse("missing-key", message, "limits")
        if self.limits is not None and isinstance(self.value, float):
            lower, upper = self.limits
            if not lower <= self.value <= upper:
                message = f"{self.value:g} lies outside the limits {lower:g} to {upper:g}"
                refuse("outside-limits", message, "value")
        return self
