"""Formulas of HS3: those of the likelihood as text, with functions that all readers know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scipy.special import comb

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from tau3mu.limits.engine.templates import Templates

    Array = npt.NDArray[np.float64]

__all__ = ["bernstein", "log_factor", "relative", "template"]

_SAME: Final = 1e-12  # what logarithms of κ and 1/κ differ by


def log_factor(names: Sequence[str], up: Array, down: Array) -> str:
    """Returns the logarithm of a product of log-normal factors, empty if there is none.

    Args:
        names: The nuisances.
        up: ln κ of each, one σ up.
        down: −ln κ of each, one σ down.
    """
    terms = []
    for name, high, low in zip(names, up.tolist(), down.tolist(), strict=True):
        mean, half = (high + low) / 2, (high - low) / 2
        if abs(half) > _SAME * abs(mean):
            terms.append(f"{name}*({mean!r}+({half!r})*{_smooth_step(f'(2*{name})')})")
        elif mean != 0:
            terms.append(f"({mean!r})*{name}")
    return "+".join(terms)


def relative(value: float, names: Sequence[str], shifts: Array) -> str:
    """Returns a value that nuisances change by parts of it.

    Args:
        value: Without nuisances.
        names: The nuisances.
        shifts: By one σ of each, relative.
    """
    terms = [f"+({shift!r})*{name}"
             for name, shift in zip(names, shifts.tolist(), strict=True) if shift != 0]  # fmt: skip
    return f"{value!r}*(1{''.join(terms)})" if terms else f"{value!r}"


def bernstein(x: str, low: float, high: float, names: Sequence[str]) -> str:
    """Returns a sum of Bernstein polynomials whose weights are 1, e^a, e^b and so on.

    Args:
        x: The name of the mass.
        low: The lower edge of the range.
        high: The upper edge.
        names: The logarithms of the weights but the first.
    """
    order, width = len(names), high - low
    up, down = f"(({x}-{low!r})/{width!r})", f"(({high!r}-{x})/{width!r})"
    terms = []
    for i, weight in enumerate(["1.0", *(f"exp({name})" for name in names)]):
        powers = [up] * i + [down] * (order - i)
        terms.append("*".join([f"{float(comb(order, i))!r}", weight, *powers]))
    return "+".join(terms)


def template(part: Templates, process: int, one: int, names: Sequence[str]) -> str:
    """Returns the entries of a bin of a process, without the factors of its rate.

    Args:
        part: All templates.
        process: Its index.
        one: The bin in its channel.
        names: The nuisances.
    """
    value, terms = float(part.counts[process][one]), []
    for morph in part.morphs:
        if morph.process != process:
            continue
        name, mean, curve = names[morph.nuisance], float(morph.mean[one]), float(morph.curve[one])
        if mean != 0 or curve != 0:
            terms.append(f"+{name}*({mean!r}+({curve!r})*{_smooth_step(name)})")
    if not terms:
        return f"{value!r}"
    whole = f"({value!r}{''.join(terms)})"
    return f"(0.5*({whole}+abs({whole})))"  # not below 0


def _smooth_step(x: str) -> str:
    """Returns the polynomial of x that goes from −1 to 1, and is constant beyond ±1."""
    clipped = f"(0.5*(abs({x}+1)-abs({x}-1)))"
    return f"({clipped}/8*({clipped}*{clipped}*(3*{clipped}*{clipped}-10)+15))"
