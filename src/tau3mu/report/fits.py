"""The result of a fit as plain values for a page; imports neither zfit nor SciPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.report.numbers import mark_of, parameter_text, quantity_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fit_view"]

_KEYS: Final = ("model", "valid", "status", "messages", "chi2", "ndf", "p_value", "nll", "edm")


def fit_view(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the verdict and the numbers of a fit.

    Args:
        content: That of `fit.json`, or the verdict alone: `valid` and `messages`.
    """
    parameters = content.get("parameters") or {}
    derived = content.get("derived") or {}
    return {
        **{key: content.get(key) for key in _KEYS},
        "messages": list(content.get("messages") or ()),
        "parameters": [{"name": name, **_parameter(one)} for name, one in parameters.items()],
        "derived": [{"name": name, **_quantity(one)} for name, one in derived.items()],
        "plots": [],
    }


def _parameter(content: Mapping[str, Any]) -> dict[str, Any]:
    value, error = content["value"], content["error"]
    state = {"fixed": bool(content["fixed"]), "at_limit": bool(content["at_limit"])}
    text = "unknown" if value is None else parameter_text(value, error, **state)
    limits = content["limits"] or (None, None)
    mark = mark_of(value, error, limits, at_limit=state["at_limit"])
    return {
        "value": value, "error": error, "low": limits[0], "high": limits[1], **state, "mark": mark,
        "expression": content.get("expression"), "minos": content.get("minos"), "text": text,
    }  # fmt: skip


def _quantity(content: Mapping[str, Any]) -> dict[str, Any]:
    value, error = content["value"], content["error"]
    text = "unknown" if value is None else quantity_text(value, error)
    return {"value": value, "error": error, "minos": content.get("minos"), "text": text}
