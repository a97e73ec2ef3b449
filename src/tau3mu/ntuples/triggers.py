"""Which trigger fired: one question, whatever the layout.

The skims list the names of the triggers in every event, HLT paths with their version; in
NanoAOD's manner each trigger is a boolean branch without version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from tau3mu.ntuples.lists import flat

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["fired", "matches"]

_FEW = 10_000
"""Names below which a loop is faster than the import of pyarrow, which searches them faster."""


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
        One boolean per event; never missing: in an event that is masked, nothing has fired.
    """
    if "decision" in triggers.fields:
        offsets, decisions = flat(ak.to_layout(triggers.decision))
        hits = ak.to_numpy(decisions) & _contains(triggers.name, patterns)
        event = np.repeat(np.arange(len(triggers)), np.diff(offsets))
        result = np.zeros(len(triggers), dtype=np.bool_)
        result[event[hits]] = True
        return ak.Array(result)
    answer = ak.zeros_like(triggers[triggers.fields[0]])
    for name in triggers.fields:
        if any(matches(name, pattern) for pattern in patterns):
            answer = answer | triggers[name]
    return ak.fill_none(answer, value=False) if ak.to_layout(answer).is_option else answer


def _contains(names: ak.Array, patterns: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Tells which names contain a pattern, those of all events one after the other."""
    _, strings = flat(ak.to_layout(names))
    if not strings.is_indexed:
        return _match(ak.Array(strings), patterns)
    # The reader gives indices into the names that differ, which are few.
    return np.take(_match(ak.Array(strings.content), patterns), np.asarray(strings.index.data))


def _match(names: ak.Array, patterns: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    if len(names) < _FEW:
        return np.array([any(p in name for p in patterns) for name in names.to_list()], np.bool_)
    matched = [ak.to_numpy(ak.str.match_substring(names, pattern)) for pattern in patterns]
    found: npt.NDArray[np.bool_] = np.any(np.array(matched), axis=0)
    return found
