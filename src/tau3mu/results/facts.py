"""Conclusions from what a run knows of its datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tau3mu.results.manifest import DatasetFacts

__all__ = ["fitted_datasets"]


def fitted_datasets(names: Iterable[str], facts: Mapping[str, DatasetFacts]) -> list[str]:
    """Returns those of data, or all of simulation where there is no data.

    Args:
        names: Of datasets.
        facts: What a run knows of its datasets, by name.
    """
    names = list(names)
    return [one for one in names if one in facts and not facts[one].is_mc] or names
