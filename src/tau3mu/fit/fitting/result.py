"""What a fit found: numbers, whether they can be trusted, and why not."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from scipy import stats

from tau3mu.report.fits import fit_view
from tau3mu.report.notebook import in_notebook, part
from tau3mu.report.numbers import parameter_text, quantity_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from matplotlib.figure import Figure

    from tau3mu.fit.data import Binned, Unbinned
    from tau3mu.fit.language import FitModel

__all__ = [
    "DerivedResult",
    "FitResult",
    "GoodnessOfFitResult",
    "Minimum",
    "ParameterResult",
    "Quantity",
    "Sides",
    "SpectrumResult",
    "WindowResult",
]

Sides = tuple[float | None, float | None]
"""How far something can go down (negative) and up; None on a side where it was not found."""


@dataclass(frozen=True)
class Quantity:
    """A number that follows from the parameters, with its error from their covariance.

    The error is None where the covariance could not be calculated.
    """

    value: float
    error: float | None

    @property
    def text(self) -> str:
        """The value and its error, rounded to two digits of the error."""
        return quantity_text(self.value, self.error)


@dataclass(frozen=True)
class DerivedResult(Quantity):
    """An expression of the parameters; `minos` and `minos_levels` as in `ParameterResult`."""

    minos: Sides | None = None
    minos_levels: dict[str, Sides] = field(default_factory=dict)


@dataclass(frozen=True)
class ParameterResult:
    """A parameter at the minimum.

    There is no error for a fixed parameter, for one at a limit, and where the covariance could not
    be calculated; the error of one with an expression follows from the others. `minos` is how far
    the parameter can go down (negative) and up at one standard deviation, None if it was not asked
    for or not found; `minos_levels` has the same for the other levels, by their percentage.
    """

    value: float
    error: float | None
    limits: tuple[float, float] | None
    at_limit: bool
    fixed: bool
    is_yield: bool
    expression: str | None = None
    minos: Sides | None = None
    minos_levels: dict[str, Sides] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The value and its error, rounded to two digits of the error, or why there is none."""
        return parameter_text(self.value, self.error, fixed=self.fixed, at_limit=self.at_limit)


@dataclass(frozen=True)
class Minimum:
    """A minimum of the likelihood, and how many of the starts ended there.

    `delta_nll` is its distance to the best one; 0.5 is one standard deviation.
    """

    delta_nll: float
    starts: int
    values: dict[str, float]
    at_limit: tuple[str, ...]


@dataclass(frozen=True)
class SpectrumResult:
    """How one spectrum is described: what was fitted, and χ² of the bins as in `FitResult`."""

    entries: float
    outside: float
    """Entries of the data that lie outside of the fitted ranges."""
    weighted: bool
    chi2: float
    bins: int
    """Those of χ²."""
    skipped_bins: tuple[tuple[float, float], ...]
    """The edges of the bins that are fitted and yet not in χ²: they have no variance."""
    data_hash: str


@dataclass(frozen=True)
class GoodnessOfFitResult:
    """The part of toys of the fitted model that are described worse than the data."""

    statistic: float
    p_value: float
    toys: int
    failed: int


@dataclass(frozen=True)
class WindowResult:
    """Signal and background in a part of the range.

    `purity` is S / (S + B), `significance` S / sqrt(S + B).
    """

    range: tuple[float, float]
    signal: Quantity
    background: Quantity
    signal_over_background: Quantity
    purity: Quantity
    significance: Quantity


@dataclass(frozen=True, repr=False)
class FitResult:
    """The result of a fit.

    `valid` says whether values and errors can be used: the best minimum has converged, its
    covariance is accurate, and no limit of a parameter holds it back. (A parameter may lie at a
    limit where the likelihood does not depend on it any more, like the tail of a peak that has
    none; this is reported and leaves the rest valid.) `status` is the first reason against it, or
    "ok", and `messages` says in words all that is not as it should be.

    Covariance and correlation are those of `covariance_parameters`; `covariance_quality` counts
    as in Minuit: 3 accurate, 2 made positive definite, 1 approximate, 0 not there. `nll` is the
    negative logarithm of the likelihood: of counts with the factorials, of single entries the
    extended one, and half of χ² where that was minimized. `chi2` is the minimized one, or else
    Pearson's, from the integrals over the bins that were fitted (of unbinned data those of the
    plot); constraints add their own. `ndf` is the number of these bins and constraints less that
    of the free parameters.
    """

    model: FitModel
    data: Mapping[str, Binned | Unbinned]
    valid: bool
    status: str
    messages: tuple[str, ...]
    converged: bool
    edm: float
    nll: float
    chi2: float
    ndf: int
    spectra: dict[str, SpectrumResult]
    parameters: dict[str, ParameterResult]
    covariance_quality: int
    covariance_parameters: tuple[str, ...]
    covariance: tuple[tuple[float, ...], ...]
    correlation: tuple[tuple[float, ...], ...]
    minima: tuple[Minimum, ...]
    failed_starts: int
    engine: str
    fit_seconds: float
    versions: dict[str, str]
    derived: dict[str, DerivedResult] = field(default_factory=dict)
    windows: dict[str, WindowResult] = field(default_factory=dict)
    goodness_of_fit: GoodnessOfFitResult | None = None

    def __repr__(self) -> str:
        """Returns the verdict and the yields."""
        yields = ", ".join(f"{name} = {p.text}" for name, p in self.yields.items())
        return f"FitResult({self.model.name}: {self.status}; {yields})"

    def _repr_html_(self) -> str:
        """Returns the verdict, the messages and the parameters for notebooks."""
        return in_notebook(part("fit", fit_view(self.to_dict())))

    # What a result does with files and plots stands in packages above this one, and is reached
    # through the front door.

    @classmethod
    def load(cls, folder: str | Path, model_folder: str | Path = ".") -> FitResult:
        """Returns a fit that was saved, with the same numbers and data.

        Args:
            folder: Where `save`, a run or the command line has written it.
            model_folder: Where the files begin that its model names, such as templates and pdfs
                of users.

        Raises:
            InputError: There is no such fit, or its files are damaged.
        """
        import tau3mu.fit as package

        return package.load_result(folder, model_folder)

    def save(self, folder: str | Path) -> None:
        """Writes the fit as `fit.json`, `fit.root` and plots; see `save_fit`.

        Args:
            folder: Where to write; it is made if it is missing, and nothing there is replaced.

        Raises:
            InputError: One of the files is there already.
            RunError: A file cannot be written.
        """
        import tau3mu.fit as package

        package.save_fit(folder, self)

    def plot(self, spectrum: str | None = None) -> Figure:
        """Returns the plot of the data and of what was fitted; see `plot_fit`.

        Args:
            spectrum: Which one; it may be left out where there is only one.
        """
        import tau3mu.fit as package

        return package.plot_fit(self, spectrum)

    @property
    def yields(self) -> dict[str, ParameterResult]:
        """The parameters that are yields."""
        return {name: p for name, p in self.parameters.items() if p.is_yield}

    @property
    def values(self) -> dict[str, float]:
        """The values of all parameters."""
        return {name: parameter.value for name, parameter in self.parameters.items()}

    @property
    def entries(self) -> float:
        """The entries that were fitted, of all spectra; sums of weights if they are weighted."""
        return sum(spectrum.entries for spectrum in self.spectra.values())

    @property
    def p_value(self) -> float | None:
        """The probability of a larger χ², None without degrees of freedom."""
        return float(stats.chi2.sf(self.chi2, self.ndf)) if self.ndf > 0 else None

    def expected(self, edges: np.ndarray, spectrum: str | None = None) -> np.ndarray:
        """Returns the fitted numbers of entries between neighboring edges, components x bins.

        Args:
            edges: They must span the full range of the observable.
            spectrum: Which one; it may be left out where there is only one.
        """
        from tau3mu.fit.likelihood import expected

        name = spectrum if spectrum is not None else next(iter(self.model.parts))
        return expected(self.model, name, self.values, edges)

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as what JSON knows, with the configuration and without the data."""
        skipped = {"model", "data"}
        result = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skipped}
        plain: dict[str, Any] = {name: _plain(value) for name, value in result.items()}
        return {
            "model": self.model.name,
            **plain,
            "p_value": self.p_value,
            "model_hash": self.model.hash,
            "configuration": self.model.to_dict(),
        }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
