"""Effects of nuisances that do nothing, too much, or the same thing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.limits.language.model import Counting, LimitModel
from tau3mu.limits.linting.targets import patterns_of
from tau3mu.limits.linting.warning import LintWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tau3mu.limits.language.parts import Nuisance

__all__ = ["effect_warnings"]

_LARGEST: Final = {"yield": 3.0, "mean": 0.01, "width": 0.5}
"""A factor, and relative changes: what is larger is probably not what was meant."""


def effect_warnings(model: LimitModel) -> Iterator[LintWarning]:
    """Yields warnings about the effects of nuisances.

    Args:
        model: The model.
    """
    for name, nuisance in model.nuisances.items():
        yield from _idle(model, name, nuisance)
        yield from _twice(model, name, nuisance)
        for kind, pattern, _, value in patterns_of(model, nuisance):
            keys = ("nuisances", name, kind, pattern)
            if kind == "template":
                continue
            if message := _too_large(kind, value):
                yield LintWarning("limits.large-effect", keys, message)
            if isinstance(value, tuple) and (value[0] - 1) * (value[1] - 1) > 0:
                message = "both values are on the same side of 1: yields change the same way"
                yield LintWarning("limits.one-sided-effect", keys, message)


def _idle(model: LimitModel, name: str, nuisance: Nuisance) -> Iterator[LintWarning]:
    """Warns of effects without consequence; of the nuisance as a whole if all are such."""
    idle, every = [], 0
    for kind, pattern, targets, value in patterns_of(model, nuisance):
        every += 1
        if all(_nothing(model, kind, target, value) for target in targets):
            idle.append((kind, pattern))
    if len(idle) == every:
        message = "it changes nothing: its effects are 1 or 0, or act on what is empty"
        yield LintWarning("limits.without-effect", ("nuisances", name), message)
        return
    for kind, pattern in idle:
        message = "it changes nothing"
        yield LintWarning("limits.without-effect", ("nuisances", name, kind, pattern), message)


def _nothing(model: LimitModel, kind: str, target: str, value: Any) -> bool:
    channel, _, process = target.partition("/")
    one = model.channels[channel]
    if isinstance(one, Counting):
        touched = [part for key, part in one.processes.items()
                   if key == process or (not process and part.signal)]  # fmt: skip
        if not any(sum(part.counts) > 0 for part in touched):
            return True
        if kind == "template":
            nominal = one.processes[process].counts
            return bool(value.down == nominal == value.up)
    elif not one.signal.signal_yield > 0:
        return True
    if kind == "yield":
        return all(each == 1 for each in (value if isinstance(value, tuple) else (value,)))
    return bool(value == 0)


def _twice(model: LimitModel, name: str, nuisance: Nuisance) -> Iterator[LintWarning]:
    seen: dict[tuple[str, str], str] = {}
    for kind, pattern, targets, _ in patterns_of(model, nuisance):
        for target in targets:
            first = seen.setdefault((kind, target), pattern)
            if first != pattern:
                message = (
                    f"{target} is meant by {first!r} as well: both effects act on it, one does not "
                    "replace the other"
                )
                keys = ("nuisances", name, kind, pattern)
                yield LintWarning("limits.matched-twice", keys, message)
                break


def _too_large(kind: str, value: Any) -> str:
    largest = _LARGEST[kind]
    if kind == "yield":
        values = value if isinstance(value, tuple) else (value,)
        if all(1 / largest < one < largest for one in values):
            return ""
        shown = " and ".join(f"{one:g}" for one in values)
        return f"κ = {shown} is more than a factor of {largest:g}; 10 % are κ = 1.1"
    if abs(value) <= largest:
        return ""
    of = "position" if kind == "mean" else "width"
    return f"{value:g} is more than {largest:g} of the {of} of the peak; the change is relative"
