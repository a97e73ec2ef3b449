"""Weights of events that a processor declares, and their product with all variations."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import awkward as ak
import numpy as np

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

__all__ = ["EventWeight", "GeneratorWeight", "Weights", "checked_weights", "product"]

_NAME: Final = re.compile(r"[A-Za-z]\w*")
_SIDES: Final = ("up", "down")


class EventWeight(ABC):
    """A weight of events, which processors list in `event_weights`.

    A subclass says its `name` and the `columns` that it reads, and defines `evaluate`.

    Attributes:
        name: Names its variations, `NAME_up` and `NAME_down`.
        columns: The columns of events that it reads.
        of: Whether it is for simulation or for data; the other has weights of 1.
        varied: Whether `evaluate` returns the nominal weights with those that are shifted up and
            down, rather than the nominal ones alone.
    """

    name: str
    columns: frozenset[str] = frozenset()
    of: Literal["simulation", "data"] = "simulation"
    varied: ClassVar[bool] = False

    @abstractmethod
    def evaluate(self, events: ak.Array) -> Any:
        """Returns one weight per event; if it is `varied`, nominal, up and down.

        Args:
            events: NanoEvents in the canonical view, of simulation or of data, as it says.
        """

    @property
    def variations(self) -> tuple[str, ...]:
        """The names of its variations."""
        return tuple(f"{self.name}_{side}" for side in _SIDES) if self.varied else ()


class GeneratorWeight(EventWeight):
    """The weight that the generator gave to an event, the column `gen_weight`."""

    name = "generator"
    columns = frozenset({"gen_weight"})

    def evaluate(self, events: ak.Array) -> Any:
        """Returns the weights of the generator.

        Args:
            events: Of simulation.
        """
        return events.gen_weight


@dataclass(frozen=True)
class Weights:
    """The product of several weights, one number per event.

    Attributes:
        nominal: That of the nominal weights.
        variations: Those with one of the weights shifted up or down, by name.
    """

    nominal: npt.NDArray[np.float64]
    variations: dict[str, npt.NDArray[np.float64]]


def checked_weights(weights: Iterable[Any], owner: str) -> tuple[EventWeight, ...]:
    """Returns the weights that a processor declares.

    Args:
        weights: What it declares.
        owner: Its name, for messages.

    Raises:
        InputError: One is not a weight of events, or two have the same name.
    """
    found = tuple(weights)
    for one in found:
        if not isinstance(one, EventWeight):
            message = (
                f"event_weights of {owner} has {one!r}: expected objects such as "
                "GeneratorWeight() or PileupWeight(file)"
            )
            raise InputError(message, code="corrections.no-event-weight", path=owner)
        if not _NAME.fullmatch(str(getattr(one, "name", ""))):
            message = (
                f"event weight {one!r} of {owner} needs a name of letters, digits and _, such as "
                "pileup"
            )
            raise InputError(message, code="corrections.bad-name", path=owner)
    twice = [name for name, n in Counter(one.name for one in found).items() if n > 1]
    if twice:
        message = f"two event weights of {owner} are called {twice[0]!r}: give each its own name"
        raise InputError(message, code="corrections.repeated-name", path=twice[0])
    return found


def product(weights: Sequence[EventWeight], events: ak.Array) -> Weights:
    """Returns the product of weights of events, with all variations.

    Args:
        weights: The weights; those of data are 1 in simulation, and the other way round.
        events: The events of a chunk.

    Raises:
        InputError: A weight is missing, not finite, or not one per event.
    """
    kind = "simulation" if events.metadata.get("is_mc", False) else "data"
    one = np.ones(len(events))
    found = [
        _evaluated(weight, events) if weight.of == kind else (one,) * (3 if weight.varied else 1)
        for weight in weights
    ]
    nominal = [values[0] for values in found]
    return Weights(
        reduce(mul, nominal, one),
        {
            name: reduce(mul, [*nominal[:i], values[side], *nominal[i + 1 :]], one)
            for i, (weight, values) in enumerate(zip(weights, found, strict=True))
            for side, name in enumerate(weight.variations, 1)
        },
    )


def _evaluated(weight: EventWeight, events: ak.Array) -> tuple[npt.NDArray[np.float64], ...]:
    values = weight.evaluate(events)
    parts = tuple(values) if weight.varied else (values,)
    expected = 1 + len(weight.variations)
    if len(parts) != expected:
        message = (
            f"weight {weight.name!r} returns {len(parts)} arrays, expected {expected}: nominal, up "
            "and down"
        )
        raise InputError(message, code="corrections.lengths", path=weight.name)
    return tuple(_numbers(weight.name, part, len(events)) for part in parts)


def _numbers(name: str, values: Any, n_events: int) -> npt.NDArray[np.float64]:
    try:
        found = np.asarray(ak.to_numpy(values, allow_missing=False), dtype=np.float64)
    except (ValueError, TypeError) as error:
        message = (
            f"weight {name!r}: expected one number per event without missing ones, got "
            f"{ak.type(values)}"
        )
        raise InputError(message, code="corrections.missing-values", path=name) from error
    if found.shape != (n_events,):
        message = f"weight {name!r} is of shape {found.shape}, expected one per event, {n_events}"
        raise InputError(message, code="corrections.lengths", path=name)
    if not np.isfinite(found).all():
        message = f"weight {name!r}: {(~np.isfinite(found)).sum()} of {n_events} are not finite"
        raise InputError(message, code="corrections.not-finite", path=name)
    return found
