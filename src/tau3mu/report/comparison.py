"""A comparison as plain values for a page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tau3mu.redaction import redacted
from tau3mu.report.notebook import part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

__all__ = ["comparison_part", "comparison_view"]


def comparison_view(comparison: Any) -> dict[str, Any]:
    """Returns what differs between two results, as values that JSON knows, without secrets.

    Args:
        comparison: A `tau3mu.compare.Comparison`, a package above this one.

    Returns:
        `headline`, `same`, `strict`, `a`, `b`; `sections` with `title`, `headers`, `rows` of texts
        and a `note`; and all `histograms`, those that differ first, with `sigma`, which is None
        where there are no uncertainties.
    """
    view = {
        "headline": comparison.headline,
        "same": comparison.same,
        "strict": comparison.strict,
        "a": comparison.a,
        "b": comparison.b,
        "sections": [
            {
                "title": section.title,
                "headers": list(section.headers),
                "rows": [list(row) for row in section.rows[: section.most]],
                "note": section.below(),
            }
            for section in comparison.sections()
        ],
        "histograms": _histograms(comparison.histograms),
    }
    checked: dict[str, Any] = redacted(view)
    return checked


def _histograms(histograms: Sequence[Any]) -> list[dict[str, Any]]:
    ordered = sorted(histograms, key=lambda one: (one.same, -one.sigma))
    return [
        {
            "processor": one.processor,
            "name": one.name,
            "same": one.same,
            "only": one.only,
            "axes": list(one.axes),
            "bins": one.bins,
            "differing": one.differing,
            "bins_text": one.bins_text,
            "sigma": one.sigma if math.isfinite(one.sigma) else None,
        }
        for one in ordered
    ]


def comparison_part(comparison: Any) -> Markup:
    """Returns a comparison as a part of a report.

    Args:
        comparison: A `tau3mu.compare.Comparison`.
    """
    return part("comparison", comparison_view(comparison))
