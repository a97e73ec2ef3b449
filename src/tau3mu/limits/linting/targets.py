"""On which channels and processes nuisances act, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.limits.language.model import Counting, LimitModel, matching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tau3mu.limits.language.parts import Nuisance

__all__ = ["KINDS", "effects_of", "patterns_of", "targets_of"]

KINDS: Final = {"rate": "yield", "mean": "mean", "width": "width", "template": "template"}
"""Fields of nuisances, and what they are called in files."""


def targets_of(model: LimitModel) -> list[str]:
    """Returns the names of channels, and of processes with their channels before them.

    Args:
        model: The model.
    """
    processes = (
        f"{name}/{process}"
        for name, one in model.channels.items()
        if isinstance(one, Counting)
        for process in one.processes
    )
    return [*model.channels, *processes]


def patterns_of(model: LimitModel, nuisance: Nuisance) -> Iterator[tuple[str, str, list[str], Any]]:
    """Yields the effects of a nuisance: kind, pattern, what it stands for, and the value.

    Args:
        model: The model.
        nuisance: One of its nuisances.
    """
    known = targets_of(model)
    for field, kind in KINDS.items():
        for pattern, value in getattr(nuisance, field).items():
            yield kind, pattern, matching(pattern, known), value


def effects_of(model: LimitModel, nuisance: Nuisance) -> dict[tuple[str, str], Any]:
    """Returns the values of a nuisance by kind and target.

    Args:
        model: The model.
        nuisance: One of its nuisances.
    """
    return {
        (kind, target): value
        for kind, _, targets, value in patterns_of(model, nuisance)
        for target in targets
    }
