"""Nuisances whose names and channels do not agree: years, copies, values that differ."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from tau3mu.limits.linting.targets import effects_of
from tau3mu.limits.linting.warning import LintWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tau3mu.limits.language.model import LimitModel

__all__ = ["name_warnings"]

_YEAR: Final = re.compile(r"(?<!\d)20[12]\d(?!\d)")
_CONSTANTS: Final = {"br", "bf", "branching", "branchingratio", "frac", "xs", "xsec"}
"""Parts of the names of numbers of nature, which are the same in all years and channels."""
_FEWEST: Final = 5  # channels among which one with another κ is a typing error

_Effects = dict[tuple[str, str], Any]


def name_warnings(model: LimitModel) -> Iterator[LintWarning]:
    """Yields warnings about the names of nuisances and where they act.

    Args:
        model: The model.
    """
    effects = {name: effects_of(model, one) for name, one in model.nuisances.items()}
    for name, found in effects.items():
        yield from _years(name, found)
        yield from _uneven(name, found)
    for (a, first), (b, second) in combinations(effects.items(), 2):
        yield from _copies(a, first, b, second)


def _channels(effects: _Effects) -> set[str]:
    return {target.partition("/")[0] for _, target in effects}


def _years_of(names: Iterable[str]) -> set[str]:
    return {year for name in names for year in _YEAR.findall(name)}


def _years(name: str, effects: _Effects) -> Iterator[LintWarning]:
    said, there = _years_of([name]), _years_of(_channels(effects))
    if said and there - said:
        known = ", ".join(sorted(there))
        message = (
            f"the name says {', '.join(sorted(said))}, but it acts on channels of {known}: the "
            "years may be correlated by mistake"
        )
        yield LintWarning("limits.year-mismatch", ("nuisances", name), message)


def _uneven(name: str, effects: _Effects) -> Iterator[LintWarning]:
    for kind in {kind for kind, _ in effects}:
        values = {target: value for (one, target), value in effects.items() if one == kind}
        keys = ("nuisances", name, kind)
        counts = Counter(map(_comparable, values.values()))
        if len(values) >= _FEWEST and len(counts) == 2 and min(counts.values()) == 1:
            usual = counts.most_common(1)[0][0]
            ((target, other),) = [(t, v) for t, v in values.items() if _comparable(v) != usual]
            message = f"{target} has {_shown(other)}, all others {_shown(usual)}"
            yield LintWarning("limits.uneven-nuisance", keys, message)
        elif _parts(name) & _CONSTANTS:
            yield from _changing(keys, values)


def _changing(keys: tuple[str, ...], values: Mapping[str, Any]) -> Iterator[LintWarning]:
    """Warns of a constant of nature with other values for the same channel in another year."""
    known: dict[str, tuple[str, Any]] = {}
    for target, value in values.items():
        first, other = known.setdefault(_YEAR.sub("", target), (target, value))
        if _comparable(other) != _comparable(value):
            message = (
                f"{first} has {_shown(other)} and {target} {_shown(value)}, though the name is "
                "that of a constant of nature"
            )
            yield LintWarning("limits.uneven-nuisance", keys, message)
            return


def _copies(a: str, first: _Effects, b: str, second: _Effects) -> Iterator[LintWarning]:
    if _channels(first) & _channels(second) or _values(first) != _values(second):
        return
    if not _related(a, b):
        return
    message = (
        f"it has the values of {a} for other channels: if both are the same uncertainty, it is "
        "decorrelated by copying, and limits are too low"
    )
    yield LintWarning("limits.copied-nuisance", ("nuisances", b), message)


def _related(a: str, b: str) -> bool:
    """Returns whether two names may be those of one uncertainty."""
    one, two = _parts(a), _parts(b)
    constant = one & two & _CONSTANTS
    if constant:
        return len(one - two) <= 1 and len(two - one) <= 1 and bool(one & two - _CONSTANTS)
    # Years are a reason to have an uncertainty once for each.
    return (one <= two or two <= one) and _years_of([a]) == _years_of([b])


def _parts(name: str) -> set[str]:
    """Returns the parts of a name without years."""
    return {part for part in re.split(r"[_.+-]+", _YEAR.sub("", name).lower()) if part}


def _values(effects: _Effects) -> set[tuple[str, Any]]:
    return {(kind, _comparable(value)) for (kind, _), value in effects.items()}


def _comparable(value: Any) -> Any:
    return (value.down, value.up) if hasattr(value, "down") else value


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else "another value"
