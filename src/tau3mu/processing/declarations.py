"""How the methods of a class become its cuts, quantities and counters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tau3mu.processing.parameters import Axis

__all__ = ["Cut", "counter", "counters_of", "cut", "cuts_of", "event_cut", "quantity"]


@dataclass(frozen=True)
class Cut:
    """A cut of a processor.

    Attributes:
        step: The step of the cutflow that it belongs to.
        on_events: Whether it is a cut on events rather than on candidates.
        of: The quantity that it cuts on, a column or a quantity of the candidates; empty if its
            distribution is that of the answers.
        axis: The axis of the distributions of that quantity.
        at: The parameters at whose values the cut on that quantity is, `-NAME` for their negative.
        required: Whether it cannot be skipped.
        name: The name of its method.
        passes: Its method.
    """

    step: str
    on_events: bool = False
    of: str = ""
    axis: Axis | None = None
    at: tuple[str, ...] = ()
    required: bool = False
    name: str = ""
    passes: Any = None


def event_cut(step: str) -> Callable[[Any], Any]:
    """Makes a method a cut on events: `def hlt(self, events)` returns one boolean per event.

    Args:
        step: The step of the cutflow that the cut belongs to.
    """
    return _declaring(Cut(step, on_events=True))


def cut(
    step: str,
    *,
    of: str = "",
    axis: Axis | None = None,
    at: Sequence[str] = (),
    required: bool = False,
) -> Callable[[Any], Any]:
    """Makes a method a cut on candidates: it returns one boolean per candidate.

    A missing one rejects. The method gets `CandidateRows`, and may depend on nothing but these and
    the parameters.

    Args:
        step: The step of the cutflow that the cut belongs to. Cuts of one step are applied in the
            order of their definition.
        of: The quantity of the N−1 distribution, such as `mass`, `mu1.pt` or one of the class.
        axis: The axis of that distribution.
        at: The parameters at whose values the cut is, such as `["phi_window"]`, or
            `["-max_dz", "max_dz"]` for a cut on an absolute value. Pictures of the distribution
            have a line there.
        required: Whether it is an error to skip the cut or its step, as for one that blinds.
    """
    return _declaring(Cut(step, of=of, axis=axis, at=tuple(at), required=required))


def quantity(method: Any) -> Any:
    """Makes a method a quantity of candidates, which is read like a column: `candidates.NAME`.

    It returns one value per candidate, or a dictionary of such arrays, and may depend on nothing
    but the candidates and the parameters.
    """
    method.is_quantity = True
    return method


def counter(step: str = "") -> Callable[[Any], Any]:
    """Makes a method counters: a dictionary of whole numbers, from some candidates.

    Args:
        step: Counts the candidates that reach this step; without one, those that are selected.
    """

    def declare(method: Any) -> Any:
        method.counts_at = step
        return method

    return declare


def _declaring(declared: Cut) -> Callable[[Any], Any]:
    def declare(method: Any) -> Any:
        method.declared_cut = declared
        return method

    return declare


@cache
def cuts_of(cls: Any) -> tuple[Cut, ...]:
    """Returns the cuts of a class: in the order of definition, those of a step together."""
    found: dict[str, Cut] = {}
    steps: dict[str, int] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            declared = getattr(value, "declared_cut", found.get(name))
            if declared and isinstance(value, FunctionType):
                found[name] = replace(declared, name=name, passes=value)
                steps.setdefault(declared.step, len(steps))
            elif value is None:
                found.pop(name, None)
    return tuple(sorted(found.values(), key=lambda one: steps[one.step]))


@cache
def counters_of(cls: Any) -> tuple[tuple[FunctionType, str], ...]:
    """Returns the counters of a class, each with the step at which it counts."""
    found: dict[str, tuple[FunctionType, str]] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            at = getattr(value, "counts_at", found.get(name, (None, None))[1])
            if at is not None and isinstance(value, FunctionType):
                found[name] = value, at
            elif value is None:
                found.pop(name, None)
    return tuple(found.values())
