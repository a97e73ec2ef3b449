"""Compares arrays and selections bit by bit."""

from __future__ import annotations

import awkward as ak
import numpy as np


def same_bits(one: ak.Array, other: ak.Array) -> bool:
    """Returns whether two arrays have the same form and the same bits in every buffer."""
    (form, length, buffers), (form2, length2, buffers2) = (
        ak.to_buffers(ak.to_packed(array)) for array in (one, other)
    )
    return (
        length == length2
        and form == form2
        and all(
            np.asarray(buffers[key]).tobytes() == np.asarray(buffers2[key]).tobytes()
            for key in buffers
        )
    )


def same_selection(one, other) -> bool:
    """Returns whether two selections have the same candidates bit by bit, and equal other parts."""
    return (
        same_bits(one.candidates, other.candidates)
        and one.cutflow == other.cutflow
        and one.counters == other.counters
        and one.histograms == other.histograms
    )
