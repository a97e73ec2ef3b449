"""The triggers that fired, in any layout.

The skims list the names of the triggers in every event, HLT paths with their version; in
NanoAOD-like trees each trigger is a branch of its own, of any type that holds a decision.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import awkward as ak
import numpy as np

from tau3mu.errors import InputError
from tau3mu.ntuples.offsets import distinct, flat, from_zero
from tau3mu.ntuples.table_checks import LEVELS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import numpy.typing as npt

__all__ = ["TRIGGERS", "TRIGGER_BEHAVIOR", "NoTriggerError", "fired", "matches", "used_triggers"]

_FEW = 10_000
"""Names below which a loop is faster than the import of pyarrow, which searches them faster."""

_VERSION = re.compile(r"_v\d*$")


class NoTriggerError(InputError, AttributeError, IndexError):
    """Is raised when a trigger is asked for by a name that it does not have in the events."""


class _Hints:
    """Says what to ask where a trigger is asked for as a field that is not there."""

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)  # type: ignore[misc]
        except AttributeError:
            if not name[:1].isupper():  # NumPy, awkward and IPython ask for names of their own
                raise
            raise _no_trigger(name) from None

    def __getitem__(self, where: Any) -> Any:
        if isinstance(where, str) and where not in ak.fields(self):
            raise _no_trigger(where)
        return super().__getitem__(where)  # type: ignore[misc]


class _Triggers(_Hints, ak.Array):  # type: ignore[misc]
    """Triggers, of which `fired` should be asked rather than fields."""


class _TriggersOfEvent(_Hints, ak.Record):  # type: ignore[misc]
    """The triggers of one event."""


def _no_trigger(name: str) -> NoTriggerError:
    level = "l1" if name.startswith("L1") else "hlt"
    message = (
        f"events.{level} has no field {name!r}: menus change, and some ntuples have lists of "
        f'names; ask fired(events.{level}, "{name}") of tau3mu.ntuples, and put '
        f"'{level}.{name}' into the columns"
    )
    return NoTriggerError(message, code="ntuples.no-trigger", path=name)


TRIGGERS: Final = "Tau3muTriggers"
TRIGGER_BEHAVIOR: Final = {("*", TRIGGERS): _Triggers, TRIGGERS: _TriggersOfEvent}
"""Makes `events.hlt` and `events.l1` arrays that know what to say."""


def matches(name: str, pattern: str) -> bool:
    """Returns whether a branch of one trigger is one that the pattern asks for.

    A pattern that ends with `_v` asks for exactly one HLT path, in any version; every other
    pattern asks for the triggers that contain it, or with a `^` before it that begin with it.

    Args:
        name: The name of the branch: that of the trigger with or without its version, and in the
            NANO of some groups with something before it, such as `Trigger_`.
        pattern: A part of the name of a trigger.
    """
    if not pattern.endswith("_v"):
        return _is_in(pattern, name)
    path, trigger = pattern.removeprefix("^").removesuffix("_v"), _VERSION.sub("", name)
    return trigger == path or (path.startswith("HLT_") and trigger.endswith(f"_{path}"))


def _is_in(pattern: str, name: str) -> bool:
    return name.startswith(pattern[1:]) if pattern.startswith("^") else pattern in name


def fired(triggers: ak.Array, *patterns: str) -> ak.Array:
    """Returns per event whether a trigger fired that contains one of the patterns.

    Args:
        triggers: `events.hlt` or `events.l1`: per event a list of `name` and `decision`, or one
            field per trigger. A decision is a boolean, or a number that is not 0 if it fired.
        patterns: Parts of trigger names, such as `HLT_DoubleMu3_Trk_Tau3mu_v` or `L1_TripleMu`,
            or with a `^` their beginnings, such as `^L1_DoubleMu4_SQ`.

    Returns:
        One boolean per event; never missing: in an event that is masked, and by a decision that is
        missing or NaN, nothing has fired.

    Raises:
        InputError: What is stored is not a decision.
    """
    result = np.zeros(len(triggers), dtype=np.bool_)
    if "decision" in triggers.fields:
        offsets, decisions = flat(ak.to_layout(triggers.decision))
        hits = _decided(decisions, "decision") & _contains(triggers.name, patterns)
        event = np.repeat(np.arange(len(triggers)), np.diff(offsets))
        result[event[hits]] = True
        return ak.Array(result)
    for name in triggers.fields:
        if any(matches(name, pattern) for pattern in patterns):
            result |= _decided(triggers[name], name)
    return ak.Array(result)


def used_triggers(
    events: ak.Array, columns: Iterable[str], absent: Collection[str] = ()
) -> dict[str, list[str]]:
    """Returns the triggers that each pattern stands for in some events, fired or not.

    Args:
        events: NanoEvents in the canonical view.
        columns: Columns of processors, of which `hlt.PATTERN` and `l1.PATTERN` count.
        absent: Branches that the file lacks.
    """
    asked = [column.partition(".") for column in sorted(columns)]
    found = {}
    for level in [level for level in LEVELS if level in events.fields]:
        patterns = [pattern for at, _, pattern in asked if at == level]
        for pattern, names in _like(events[level], patterns).items():
            found[f"{level}.{pattern}"] = sorted(names.difference(absent))
    return found


def _like(triggers: ak.Array, patterns: Sequence[str]) -> dict[str, set[str]]:
    if "decision" not in triggers.fields:
        fields = triggers.fields
        return {p: {n for n in fields if matches(n, p.removesuffix("?"))} for p in patterns}
    names = _distinct_names(triggers.name)
    return {p: {name for name in names if _is_in(p.removesuffix("?"), name)} for p in patterns}


def _distinct_names(names: ak.Array) -> list[str]:
    if not len(names):
        return []
    offsets, strings = flat(ak.to_layout(names))
    if strings.is_indexed:
        if len(strings.content) < _FEW:
            return ak.Array(strings.content).to_list()  # type: ignore[no-any-return]
        as_they_are = np.array_equal(strings.index.data, np.arange(len(strings.content)))
        strings = strings.content if as_they_are else strings.project()
    # Menus repeat from event to event, and are compared faster than names.
    texts = from_zero(strings)
    data, edges = np.asarray(texts.content.data), np.asarray(texts.offsets.data)
    _, which = distinct(data, edges[offsets])
    found: set[bytes] = set()
    for event in np.unique(which, return_index=True)[1]:
        first, last = offsets[event : event + 2]
        places = pairwise(edges[first : last + 1].tolist())
        found.update(data[start:stop].tobytes() for start, stop in places)
    return [name.decode("utf-8", "surrogateescape") for name in found]


def _decided(decisions: Any, name: str) -> npt.NDArray[np.bool_]:
    """Returns decisions of whatever type as booleans."""
    layout = ak.to_layout(decisions)
    flat_numbers = layout.purelist_depth == 1 and not (layout.is_record or layout.is_union)
    values = ak.to_numpy(layout) if flat_numbers and not _is_text(layout) else None
    if values is None or values.dtype.kind not in "biuf":
        message = (
            f"trigger {name} holds {ak.type(decisions)} in the events: expected one boolean or "
            "number per trigger"
        )
        raise InputError(message, code="ntuples.no-decision", path=name)
    answers: npt.NDArray[np.bool_] = np.ma.filled(values, 0).astype(np.bool_)
    return answers & ~np.isnan(np.ma.filled(values, 0)) if values.dtype.kind == "f" else answers


def _is_text(layout: ak.contents.Content) -> bool:
    return layout.purelist_parameter("__array__") in {"string", "bytestring"}


def _contains(names: ak.Array, patterns: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Returns which names contain a pattern, those of all events one after the other."""
    _, strings = flat(ak.to_layout(names))
    if not strings.is_indexed:
        return _match(ak.Array(strings), patterns)
    # The reader gives indices into the names that differ, which are few.
    return np.take(_match(ak.Array(strings.content), patterns), np.asarray(strings.index.data))


def _match(names: ak.Array, patterns: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    if len(names) < _FEW or not patterns:
        found = [any(_is_in(p, name) for p in patterns) for name in names.to_list()]
        return np.array(found, np.bool_)
    matched = [
        ak.to_numpy(
            ak.str.starts_with(names, pattern[1:])
            if pattern.startswith("^")
            else ak.str.match_substring(names, pattern)
        )
        for pattern in patterns
    ]
    any_of_them: npt.NDArray[np.bool_] = np.any(np.array(matched), axis=0)
    return any_of_them
