"""The parts of a model file: peaks, backgrounds, processes, data, nuisances."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from tau3mu.config.documents import Strict
from tau3mu.errors import InputError
from tau3mu.limits.engine.backgrounds import FAMILIES, n_shape_parameters

__all__ = [
    "Background",
    "Constraint",
    "CountData",
    "HistogramData",
    "Interval",
    "MassData",
    "Nuisance",
    "Peak",
    "Process",
    "ResultsData",
    "ShapeParameter",
    "Variation",
    "Yield",
    "refuse",
]

# Beyond these, numbers are typing errors, and products of them would not be numbers.
Positive = Annotated[float, Field(gt=0, le=1e6)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Events = Annotated[float, Field(ge=0, le=1e12)]


def refuse(code: str, message: str, at: str = "") -> NoReturn:
    """Raises the error for a value while it is validated.

    Args:
        code: The kind of the problem.
        message: What is wrong.
        at: The path of the value, relative to the part that is being validated.
    """
    raise InputError(message, code=code, path=at)


def _ordered(interval: tuple[float, float]) -> tuple[float, float]:
    low, high = interval
    if low >= high:
        refuse("wrong-order", f"the lower edge {low:g} is not below the upper edge {high:g}")
    return interval


Interval = Annotated[tuple[Number, Number], AfterValidator(_ordered)]
Edges = Annotated[tuple[Number, ...], Field(min_length=2)]


class Constraint(Strict):
    """What another measurement says of a parameter: a Gaussian."""

    mean: Number = Field(description="The measured value.")
    sigma: Annotated[float, Field(ge=1e-6, le=1e12)] = Field(description="Its uncertainty.")


class Peak(Strict):
    """The signal of a spectrum: f · Crystal Ball + (1 − f) · Gauss, or a Gaussian alone.

    A Gaussian alone has `mean` and `sigma` only.
    """

    signal_yield: Events = Field(
        alias="yield", description="The expected number of signal events in the range for r = 1."
    )
    mean: Number = Field(description="The position of the peak in GeV.")
    sigma: Positive = Field(description="The width of the Crystal Ball's core in GeV.")
    alpha: Positive | None = Field(
        default=None, description="Where the tail on the left begins, in widths."
    )
    power: Positive | None = Field(default=None, description="The exponent of the tail.")
    fraction: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="The fraction f of the Crystal Ball function."
    )
    gauss: Positive | None = Field(default=None, description="The width of the Gaussian in GeV.")

    @model_validator(mode="after")
    def _whole(self) -> Peak:
        tail = {name: getattr(self, name) for name in ("alpha", "power", "fraction")}
        given = [name for name, value in tail.items() if value is not None]
        if given and len(given) < len(tail):
            missing = next(name for name in tail if name not in given)
            refuse("missing-key", f"missing key; a Crystal Ball function needs {', '.join(tail)}",
                   missing)  # fmt: skip
        if self.gauss is None and self.fraction is not None and self.fraction < 1:
            refuse("missing-key", "missing key; the fraction leaves room for a Gaussian", "gauss")
        if self.gauss is not None and not given:
            refuse("unused-key", "a Gaussian alone has its width in sigma: leave gauss out",
                   "gauss")  # fmt: skip
        return self

    @property
    def narrowest(self) -> float:
        """The width in GeV of the narrowest part."""
        return min(self.sigma, self.gauss or self.sigma)


_Shape = Annotated[float, Field(ge=-1e3, le=1e3)]


class ShapeParameter(Strict):
    """A parameter of the shape of a background."""

    start: _Shape = Field(default=0.0, description="Where fits start.")
    bounds: Annotated[tuple[_Shape, _Shape], AfterValidator(_ordered)] | None = Field(
        default=None,
        description="Between which values it may be; by default −20 and 20 per GeV for an "
        "exponential, −40 and 40 for a power, −12 and 12 for logarithms of Bernstein weights.",
    )
    constraint: Constraint | None = Field(default=None, description="A measurement of it.")

    @model_validator(mode="after")
    def _inside(self) -> ShapeParameter:
        if self.bounds and not self.bounds[0] <= self.start <= self.bounds[1]:
            low, high = self.bounds
            refuse("out-of-range", f"{self.start:g} is not between the bounds {low:g} and {high:g}",
                   "start")  # fmt: skip
        return self


class Yield(Strict):
    """The number of background events of a channel in its range."""

    start: Events = Field(
        description="Where fits start, and what Asimov data have without data of the channel."
    )
    bounds: Interval | None = Field(
        default=None, description="Between which values it may be; by default 0 and anything."
    )
    constraint: Constraint | None = Field(default=None, description="A measurement of it.")

    @model_validator(mode="after")
    def _inside(self) -> Yield:
        if self.bounds is None:
            return self
        low, high = self.bounds
        if low < 0:
            refuse("out-of-range", f"expected a lower bound of 0 or more, got {low:g}", "bounds")
        if not low <= self.start <= high:
            refuse("out-of-range", f"{self.start:g} is not between the bounds {low:g} and {high:g}",
                   "start")  # fmt: skip
        return self


Family = Literal["flat", "exponential", "power", "bernstein1", "bernstein2", "bernstein3"]
assert set(FAMILIES) == set(Family.__args__)  # type: ignore[attr-defined]


class Background(Strict):
    """The background of a spectrum: a shape and a free number of events."""

    family: Family = Field(
        default="exponential",
        description="`flat`; `exponential`, e^(kx); `power`, x^k; `bernstein1` to `bernstein3`, "
        "positive polynomials of that order.",
    )
    others: tuple[Family, ...] = Field(
        default=(),
        description="Further families among which fits choose, with 0.5 per parameter of shape in "
        "−ln L; `python -m tau3mu.limits families` writes them.",
    )
    events: Yield | None = Field(
        default=None,
        description="The number of events; by default that of the data outside of the windows.",
    )
    shape: tuple[ShapeParameter, ...] = Field(
        default=(), description="The parameters of the family, in their order."
    )

    @model_validator(mode="after")
    def _fits(self) -> Background:
        expected = n_shape_parameters(self.family)
        if len(self.shape) > expected:
            message = f"{self.family} has {expected} parameters, got {len(self.shape)}"
            refuse("too-many-parameters", message, "shape")
        every = (self.family, *self.others)
        if len(set(every)) < len(every):
            twice = next(one for one in every if every.count(one) > 1)
            refuse("listed-twice", f"{twice} is listed twice", "others")
        return self


class MassData(Strict):
    """Data as a list of masses."""

    masses: tuple[Number, ...] = Field(description="In GeV.")


class HistogramData(Strict):
    """Data as a histogram."""

    edges: Edges = Field(description="Of the bins in GeV, ascending.")
    counts: tuple[Events, ...] = Field(description="Entries of the bins.")

    @model_validator(mode="after")
    def _matches(self) -> HistogramData:
        if any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            refuse("wrong-order", "the edges do not ascend", "edges")
        if len(self.counts) != len(self.edges) - 1:
            message = f"expected {len(self.edges) - 1} counts for these edges, got "
            refuse("wrong-length", message + str(len(self.counts)), "counts")
        return self


class CountData(Strict):
    """A number of events whose masses are not known: Asimov data are made with the background."""

    count: Events = Field(description="The number of events in the range.")


class ResultsData(Strict):
    """Data from a results folder of `tau3mu.run`: a histogram, or a column of the candidates."""

    results: Annotated[str, Field(min_length=1)] = Field(
        description="The folder; a path starts from the folder of the model file."
    )
    processor: Annotated[str, Field(min_length=1)] = Field(description="Whose results.")
    histogram: str | None = Field(default=None, description="The name of the histogram.")
    column: str | None = Field(default=None, description="The column of the candidates, in GeV.")
    era: str | None = Field(
        default=None, description="The era of the datasets; by default all data, or all simulation."
    )
    cut: str | None = Field(
        default=None, description="A condition on columns of the candidates, such as `bdt > 0.9`."
    )

    @model_validator(mode="after")
    def _one(self) -> ResultsData:
        if (self.histogram is None) == (self.column is None):
            refuse("missing-key", "expected either a histogram or a column", "histogram")
        if self.cut is not None and self.column is None:
            refuse("unused-key", "a cut needs a column of the candidates", "cut")
        return self


class Process(Strict):
    """A process of a channel of templates."""

    counts: tuple[Events, ...] = Field(
        min_length=1, description="The expected entries of each bin, of signal for r = 1."
    )
    signal: bool = Field(default=False, description="Whether it is multiplied by r.")
    free: bool | Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.+-]*$")] = Field(
        default=False,
        description="Whether its normalization is free: a factor that starts at 1. Processes with "
        "the same name here share one factor.",
    )
    bounds: Interval | None = Field(
        default=None,
        description="Between which values a free factor may be; by default 0.001 and 1000.",
    )

    @model_validator(mode="after")
    def _inside(self) -> Process:
        if self.bounds is None:
            return self
        if self.free is False:
            refuse("unused-key", "bounds need a free normalization", "bounds")
        low, high = self.bounds
        if low < 0 or not low <= 1 <= high:
            message = f"expected bounds of 0 or more around 1, got {low:g} and {high:g}"
            refuse("out-of-range", message, "bounds")
        return self


class Variation(Strict):
    """A template moved by one σ of a nuisance, down and up."""

    down: tuple[Events, ...] = Field(description="Entries of the bins for θ = −1.")
    up: tuple[Events, ...] = Field(description="Entries of the bins for θ = 1.")


_Factor = Annotated[float, Field(ge=1e-3, le=1e3)]


def _form_of_kappa(data: Any) -> str:
    return "two" if isinstance(data, list | tuple) else "one"


_Kappa = Annotated[
    Annotated[_Factor, Tag("one")] | Annotated[tuple[_Factor, _Factor], Tag("two")],
    Discriminator(_form_of_kappa),
]
_Change = Annotated[float, Field(gt=-1, lt=1)]


class Nuisance(Strict):
    """A systematic uncertainty: a parameter θ with a Gaussian constraint of mean 0 and width 1.

    Keys are channels, or patterns such as `hf_3glb_*`; `CHANNEL/PROCESS` for templates. A channel
    alone stands for its signal.
    """

    rate: dict[str, _Kappa] = Field(
        default={},
        alias="yield",
        description="κ of log-normal factors κ^θ of yields, or two: for θ = −1 and θ = 1.",
    )
    mean: dict[str, _Change] = Field(
        default={}, description="The relative shift of the position of the peak by one σ."
    )
    width: dict[str, _Change] = Field(
        default={}, description="The relative change of the width of the peak by one σ."
    )
    template: dict[str, Variation] = Field(
        default={}, description="Templates moved by one σ, for `CHANNEL/PROCESS`."
    )

    @model_validator(mode="after")
    def _acts(self) -> Nuisance:
        if not (self.rate or self.mean or self.width or self.template):
            refuse("without-effect", "acts on nothing, expected yield, mean, width or template")
        return self
