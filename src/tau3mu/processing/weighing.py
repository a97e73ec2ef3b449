"""The weights of events in the candidates of a processor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.corrections.events import Weights
    from tau3mu.outputs.selection import Selection

__all__ = ["weighted"]


def weighted(
    selection: Selection,
    own: Mapping[str, str],
    variations: Mapping[str, str],
    weights: Weights,
    owner: str,
) -> Selection:
    """Returns a selection whose candidates have the weights of their events.

    Args:
        selection: What a processor found, with its own weights.
        own: The columns of these, by variation.
        variations: The columns of all weights, by variation.
        weights: Of the events.
        owner: The name of the processor, for messages.

    Raises:
        InputError: It is not known of which events the candidates are, or a column is missing or
            taken.
    """
    if (places := selection.places) is None:
        message = (
            f"{owner} has event_weights and does not tell of which events its candidates are: "
            "return a Table of the events that are left, or a Selection with places"
        )
        raise InputError(message, code="processor.no-places", path=owner)
    columns = {name: selection.candidates[name] for name in selection.candidates.fields}
    if missing := sorted(set(own.values()) - columns.keys()):
        message = f"{owner} has no column {missing[0]!r}, which its weights name"
        raise InputError(message, code="processor.missing-column", path=missing[0])
    if taken := sorted((set(variations.values()) - set(own.values())) & columns.keys()):
        message = (
            f"{owner} has a column {taken[0]!r}, which its event_weights add: name it in weights, "
            "if it is a weight, or call it something else"
        )
        raise InputError(message, code="processor.taken-column", path=taken[0])
    nominal = columns[own["nominal"]] if own else np.ones(len(places))
    factors = dict.fromkeys(own.values(), weights.nominal)
    added = {}
    for variation, column in variations.items():
        if column not in factors:
            factor = weights.variations.get(variation, weights.nominal)
            added[column] = nominal * factor[places]
    columns |= {column: columns[column] * factor[places] for column, factor in factors.items()}
    columns |= added
    contents = [ak.to_layout(column) for column in columns.values()]
    record = ak.contents.RecordArray(contents, list(columns), length=len(places))
    return replace(selection, candidates=ak.Array(record))
