"""Which trigger fired: one question, whatever the layout.

The skims list the names of the triggers in every event, HLT paths with their version; in
NanoAOD's manner each trigger is a boolean branch without version.
"""

from __future__ import annotations

import awkward as ak

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
    result = ak.str.match_substring(names, patterns[0])
    for pattern in patterns[1:]:
        result = result | ak.str.match_substring(names, pattern)
    return result
