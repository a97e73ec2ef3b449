"""The parameters of a model: which are free, and how all follow from these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.expressions import evaluation_order, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tau3mu.fit.data import Binned, Unbinned
    from tau3mu.fit.language import FitModel

__all__ = ["Limits", "Parameters"]

Limits = dict[str, tuple[float, float]]

_MOST = 2  # of the entries, as a yield
_MOST_UNSEEN = 1000  # where only a part of the range is fitted


class Parameters:
    """The parameters of one model."""

    def __init__(self, model: FitModel) -> None:
        """Sorts the parameters into free, fixed and derived ones."""
        self.model = model
        declared = model.parameters
        derived = {name: parse(text) for name, text in model.expressions.items()}
        self.expressions = {name: derived[name] for name in evaluation_order(derived)}
        self.names = (
            *(name for name in declared if name not in model.yields),
            *model.yields,
        )
        self.fixed = {
            name: float(p.value)
            for name, p in declared.items()
            if not p.free and p.expression is None and not isinstance(p.value, str | None)
        }
        self.free = tuple(n for n in self.names if n not in {*self.fixed, *self.expressions})

    def complete(self, free: Mapping[str, Any], xp: Any = np) -> dict[str, Any]:
        """Returns the values of all parameters from those of the free ones."""
        values = {**self.fixed, **free}
        for name, expression in self.expressions.items():
            values[name] = expression.evaluate(values, xp)
        return values

    def point(self, values: Mapping[str, float]) -> np.ndarray:
        """Returns the values of the free parameters in their order."""
        return np.array([values[name] for name in self.free])

    def at(self, point: Sequence[float] | np.ndarray) -> dict[str, Any]:
        """Returns the values of all parameters from a point in the space of the free ones."""
        return self.complete(dict(zip(self.free, point, strict=True)))

    def limits(self, data: Mapping[str, Binned | Unbinned]) -> Limits:
        """Returns the limits of the free parameters; those of undeclared yields follow the data.

        They are counted in the full range: where only a part of it is fitted, there can be many
        times more of a component than what is seen of it.
        """
        largest = max(
            sample.entries * (_MOST_UNSEEN if part.ranges or part.blind else _MOST)
            for sample, part in ((data[name], self.model.parts[name]) for name in data)
        )
        declared = self.model.parameters
        return {
            name: (declared[name].limits if name in declared else None) or (0.0, largest)
            for name in self.free
        }

    def touched_by(self, names: Iterable[str]) -> set[str]:
        """Returns the free parameters on which the named ones depend."""
        pending, found = list(names), set[str]()
        while pending:
            name = pending.pop()
            if name in self.expressions:
                pending += self.expressions[name].names
            elif name in self.free:
                found.add(name)
        return found
