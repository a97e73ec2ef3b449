"""Which trigger fired: one question, whatever the layout.

The skims list the names of the triggers in every event, HLT paths with their version; in
NanoAOD's manner each trigger is a boolean branch without version.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import awkward as ak
import numpy as np

__all__ = ["fired", "matches"]


def matches(name: str, pattern: str) -> bool:
    """Tells whether a trigger without version suffix is one that the pattern asks for.

    A pattern that ends with `_v` asks for exactly one HLT path, in any version; every other
    pattern asks for the triggers that contain it.
    """
    if pattern.endswith("_v"):
        return name == pattern.removesuffix("_v")
    return pattern in name


def fired(triggers: ak.Array, *patterns: str) -> ak.Array:
    """Tells per event whether a trigger fired that contains one of the patterns.

    Args:
        triggers: `events.hlt` or `events.l1`: per event a list of `name` and `decision`, or one
            boolean field per trigger.
        patterns: Parts of trigger names, such as `HLT_DoubleMu3_Trk_Tau3mu_v` or `L1_TripleMu`.

    Returns:
        One boolean per event; never missing.
    """
    if "decision" in triggers.fields:
        asked = _contains(triggers.name, patterns)
        return ak.any(triggers.decision & asked, axis=-1)
    result = ak.zeros_like(triggers[triggers.fields[0]])
    for name in triggers.fields:
        if any(matches(name, pattern) for pattern in patterns):
            result = result | triggers[name]
    return result


def _contains(names: ak.Array, patterns: tuple[str, ...]) -> ak.Array:
    first = _repeated_list(names)
    if first is None:
        matched = [ak.str.match_substring(names, pattern) for pattern in patterns]
        return reduce(or_, matched)
    asked = np.array([any(pattern in name for pattern in patterns) for name in first])
    return ak.from_regular(np.broadcast_to(asked, (len(names), len(asked))))


def _repeated_list(names: ak.Array) -> list[str] | None:
    """Returns the names of one event if those of all events are the same, else None.

    They mostly are, since the menu changes only between runs: a comparison of bytes saves a search
    in all strings.
    """
    lists = ak.to_layout(ak.to_packed(names))
    n_events, n_names = len(names), len(lists.content)
    if n_events == 0 or n_names % n_events:
        return None
    characters = lists.content.content.data
    if len(characters) % n_events or np.any(np.diff(lists.offsets.data) != n_names // n_events):
        return None
    lengths = np.diff(lists.content.offsets.data).reshape(n_events, -1)
    if np.any(lengths != lengths[0]):
        return None
    rows = characters.reshape(n_events, -1)
    if np.any(rows != rows[0]):
        return None
    first: list[str] = names[0].to_list()
    return first
