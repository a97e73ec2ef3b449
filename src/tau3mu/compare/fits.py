"""The differences of fits: verdicts, minima and parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import read_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.compare.sides import Pair
    from tau3mu.run import ProcessorResults

__all__ = ["SAME_SIGMA", "FitDifference", "ParameterDifference", "compare_fits", "fit_document"]

SAME_SIGMA: Final = 1e-3
"""Within this part of its error, a parameter is the same: minimisers stop about there, and another
machine may round otherwise on the way. Errors have to agree to the same part."""

_SAME_NLL: Final = 1e-5


@dataclass(frozen=True)
class ParameterDifference:
    """A parameter, a yield or a derived quantity that differs.

    Attributes:
        name: Of the parameter.
        a: Its value and error on the one side; None if it is not there, or has no error.
        b: The same on the other side.
        sigma: |b − a| / √(error of a² + error of b²), infinite if there is no error.
    """

    name: str
    a: tuple[float | None, float | None]
    b: tuple[float | None, float | None]
    sigma: float


@dataclass(frozen=True)
class FitDifference:
    """How the fit of a processor differs.

    Attributes:
        processor: Its name, or those of both sides.
        only: `a` or `b` if the other side has no fit.
        valid: The verdicts of both sides, None where there is no fit.
        nll: The minima of both sides.
        parameters: Those that differ, the largest difference first.
    """

    processor: str
    only: str = ""
    valid: tuple[bool | None, bool | None] = (None, None)
    nll: tuple[float | None, float | None] = (None, None)
    parameters: tuple[ParameterDifference, ...] = field(default=())

    @property
    def same(self) -> bool:
        """Whether there is no difference that matters."""
        other = self.only or self.parameters or self.valid[0] != self.valid[1]
        return not other and _near(*self.nll, _SAME_NLL)

    @property
    def sigma(self) -> float:
        """The largest difference of a parameter."""
        return max((one.sigma for one in self.parameters), default=0.0)


def compare_fits(pair: Pair) -> FitDifference | None:
    """Returns how the fit of a processor differs, None if no side has one.

    Args:
        pair: The processor.
    """
    a, b = fit_document(pair.a), fit_document(pair.b)
    if a is None or b is None:
        if a is None and b is None:
            return None
        found = a or b or {}
        only, at = ("b", 1) if a is None else ("a", 0)
        verdict = (None, found["valid"]) if at else (found["valid"], None)
        nll = (None, found["nll"]) if at else (found["nll"], None)
        return FitDifference(pair.name, only, verdict, nll)
    parameters = _parameters(a), _parameters(b)
    differences = [
        one
        for name in dict.fromkeys([*parameters[0], *parameters[1]])
        if (one := _difference(name, parameters[0].get(name), parameters[1].get(name)))
    ]
    return FitDifference(
        pair.name,
        "",
        (a["valid"], b["valid"]),
        (a["nll"], b["nll"]),
        tuple(sorted(differences, key=lambda one: -one.sigma)),
    )


def fit_document(results: ProcessorResults | None) -> Mapping[str, Any] | None:
    """Returns the content of the `fit.json` of a processor, None if there is none.

    Args:
        results: Of the processor.
    """
    if results is None or not (path := results.folder / "fit.json").is_file():
        return None
    return read_document(path, "fit", language="results").content


def _parameters(fit: Mapping[str, Any]) -> dict[str, tuple[float | None, float | None]]:
    return {
        name: (one.get("value"), one.get("error"))
        for part in ("parameters", "derived")
        for name, one in (fit.get(part) or {}).items()
    }


def _difference(
    name: str,
    a: tuple[float | None, float | None] | None,
    b: tuple[float | None, float | None] | None,
) -> ParameterDifference | None:
    if a is None or b is None or a[0] is None or b[0] is None:
        none = (None, None)
        return None if a == b else ParameterDifference(name, a or none, b or none, math.inf)
    variance = sum(error * error for error in (a[1], b[1]) if error is not None)
    apart = abs(a[0] - b[0])
    sigma = 0.0 if not apart else apart / math.sqrt(variance) if variance else math.inf
    errors = _near(a[1], b[1], SAME_SIGMA * max(abs(a[1] or 0.0), abs(b[1] or 0.0)))
    return None if sigma <= SAME_SIGMA and errors else ParameterDifference(name, a, b, sigma)


def _near(a: float | None, b: float | None, most: float) -> bool:
    return a == b or (a is not None and b is not None and abs(a - b) <= most)
