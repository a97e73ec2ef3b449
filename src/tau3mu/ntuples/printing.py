"""Printed events show their values: awkward prints `??` for what has not been read yet.

awkward has no option for it. Its printing asks two functions of one module for each value that it
is going to show; they are replaced by ones that read the column first, and no others.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from awkward import prettyprint

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["print_values"]


def print_values() -> None:
    """Makes awkward read the columns that it prints, in this process."""
    for name in ("get_at", "get_field"):
        standard = getattr(prettyprint, name, None)  # without them, `??` is printed
        if standard is not None and not hasattr(standard, "__wrapped__"):
            setattr(prettyprint, name, _reading(standard))


def _reading(standard: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    @wraps(standard)
    def get(data: Any, where: Any) -> Any:
        value = standard(data, where)
        return data[where] if isinstance(value, prettyprint.VirtualValue) else value

    return get
