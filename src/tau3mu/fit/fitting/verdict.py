"""Whether a fit can be trusted, and in plain words what is not as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tau3mu.fit.fitting.covariance import Covariance, Stop
    from tau3mu.fit.fitting.result import Minimum
    from tau3mu.fit.likelihood import Limits

__all__ = ["find_errors", "find_warnings"]

_ACCURATE = 3
_ONE_SIGMA = 0.5  # of the NLL
_HARDLY_SEEN = 0.05  # of a component in the fitted ranges
_INSEPARABLE = 0.999  # correlation, as of two yields of the same shape


def find_errors(
    converged: bool,
    edm: float,
    covariance: Covariance,
    stops: Mapping[str, Stop],
    impossible: int = 0,
) -> list[tuple[str, str]]:
    """Returns what makes a fit invalid: the status, and the message that explains it.

    Args:
        converged: Whether Minuit ended in a minimum.
        edm: Minuit's estimated distance to the minimum.
        covariance: Of the parameters there.
        stops: The limits at which parameters lie.
        impossible: How many bins with entries, or single entries, the model does not expect.
    """
    errors = []
    if not converged:
        text = f"Minuit did not converge: its estimated distance to the minimum is {edm:.1e}"
        errors.append(("not converged", text))
    if impossible:
        text = (
            f"the fitted model expects nothing where there are entries ({impossible} bins, or "
            "single entries): no value of the likelihood means anything"
        )
        errors.append(("entries where none are expected", text))
    for name, stop in stops.items():
        if stop.holds:
            text = (
                f"{name} is at its {stop.side} limit {stop.limit:g}, and the likelihood would grow "
                "beyond it: all values depend on this limit"
            )
            errors.append(("parameter at limit", text))
    if covariance.quality < _ACCURATE:
        state = (
            "could not be calculated",
            "is only approximate",
            "had to be made positive definite",
        )
        text = f"the covariance matrix {state[covariance.quality]}: the errors are not right"
        errors.append(("covariance not accurate", text))
    return errors


def find_warnings(
    *,
    covariance: Covariance,
    stops: Mapping[str, Stop],
    limits: Limits,
    minima: Sequence[Minimum],
    failed_starts: int,
    weighted: bool,
    seen: Mapping[str, float],
) -> list[str]:
    """Returns what a reader should know of a fit without making it invalid."""
    warnings = [
        f"{name} is at its {stop.side} limit {stop.limit:g}, where the likelihood does not depend "
        "on it any more"
        for name, stop in stops.items()
        if not stop.holds
    ]
    for name, error in covariance.errors.items():
        interval = limits[name]
        if error > (interval[1] - interval[0]) / 2:
            warnings.append(
                f"the data do not determine {name}: its error {error:.2g} is more than half of its "
                f"range {interval[0]:g} to {interval[1]:g}"
            )
    warnings += [
        f"{name} is hardly measured: {100 * part:.2g} % of its component is in the fitted ranges, "
        "and the rest of it is an extrapolation; leave the component out, or fix it"
        for name, part in seen.items()
        if part < _HARDLY_SEEN
    ]
    rows = zip(covariance.names, covariance.correlation, strict=True)
    warnings += [
        f"the data hardly tell {name} and {other} apart: their correlation is {row[i]:.5f}"
        for number, (name, row) in enumerate(rows)
        for i, other in enumerate(covariance.names[:number])
        if abs(row[i]) > _INSEPARABLE
    ]
    warnings += [_describe_minimum(minimum, minima[0]) for minimum in minima[1:]]
    if failed_starts:
        warnings.append(f"{failed_starts} of the starts did not end in a minimum")
    if weighted:
        warnings.append("the entries are weighted: the errors are those of the sums of weights")
    return warnings


def _describe_minimum(minimum: Minimum, best: Minimum) -> str:
    shifts = {
        name: abs(value - best.values[name]) / (abs(best.values[name]) or 1.0)
        for name, value in minimum.values.items()
    }
    name = max(shifts, key=lambda key: shifts[key])
    close = "within one standard deviation" if minimum.delta_nll < _ONE_SIGMA else "a worse one"
    starts = "1 start" if minimum.starts == 1 else f"{minimum.starts} starts"
    return (
        f"{starts} ended in another minimum, {minimum.delta_nll:.2f} higher in NLL ({close}), with "
        f"{name} = {minimum.values[name]:.4g} instead of {best.values[name]:.4g}"
    )
