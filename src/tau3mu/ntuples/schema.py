"""The NanoEvents schema: from the branches of an ntuple to `events.muon.pt`.

Pads, sentinels, flags and misaligned branches are dealt with here, at the door, and nowhere else:

- a padded candidate is not there; the column `index` is a candidate's position in the ntuple;
- a value that means "not there" is None;
- a flag stored as a number is a boolean, and other numbers are of the type that the layout says;
- a string is an index into those that differ (see `tau3mu.ntuples.fast.string_lists`);
- branches form a collection only if their lengths agree in every event, else reading one fails;
- `events.raw` is the same view with all values as they are stored.

NanoEvents fills a form by evaluating the operations in its keys when an array is first used. The
operations that coffea lacks are added to it below under names of our own.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, Final

import awkward as ak
import numpy as np
import vector.backends.awkward
from coffea.nanoevents import BaseSchema, transforms
from coffea.nanoevents.util import quote, unquote

from tau3mu.errors import InputError
from tau3mu.ntuples.detection import detect_layout
from tau3mu.ntuples.layout import Branch, Layout, layout
from tau3mu.ntuples.printing import print_values
from tau3mu.ntuples.table_checks import LEVELS, converts, is_list
from tau3mu.ntuples.triggers import TRIGGER_BEHAVIOR, TRIGGERS

__all__ = ["MisalignedError", "NtupleSchema", "aligned_content", "schema_of"]

Form = dict[str, Any]

_OTHER_COORDINATES: Final = frozenset(
    ("x", "y", "z", "t", "px", "py", "pz", "rho", "theta", "tau", "E", "e", "M", "m")
)
_ABSENT: Final = "absent"
_NOTHING: Final = ak.contents.NumpyArray(np.zeros(0, np.int8))
_TRIGGERS: Final = tuple(f"{level}." for level in LEVELS)


class MisalignedError(InputError):
    """Is raised when branches of a file do not fit together, on first use of one of them."""


class NtupleSchema(BaseSchema):  # type: ignore[misc]
    """Gives the canonical view of an ntuple, its layout detected from the names of its branches.

    `events.muon`, `.track`, `.triplet` and `.gen` are lists with vector behaviors (momenta in
    GeV), `.hlt` and `.l1` answer `fired`, the scalars (`.run`, `.lumi`, `.event`, ...) are arrays.
    """

    # NanoEvents' own Dask mode carries the metadata of all branches in every task, see
    # tau3mu.execution for what is used instead.
    __dask_capable__: ClassVar[bool] = False
    layout_name: ClassVar[str | None] = None

    def __init__(self, base_form: Form, *args: Any, **kwargs: Any) -> None:
        """Creates the form of the events from that of the branches.

        Args:
            base_form: A record with one field per branch.
            args: Passed on to coffea.
            kwargs: Passed on to coffea.

        Raises:
            InputError: No layout knows the branches, or the one that marks pads is missing.
        """
        super().__init__(base_form, *args, **kwargs)
        forms = dict(zip(base_form["fields"], base_form["contents"], strict=True))
        table = layout(self.layout_name) if self.layout_name else detect_layout(forms)
        if table is None:
            message = "these branches are of no known layout: " + ", ".join(list(forms)[:5])
            raise InputError(message, code="ntuples.unknown-layout")
        view = _View(table, forms)
        self._form["fields"], self._form["contents"] = view.fields_and_contents()

    @classmethod
    def behavior(cls) -> dict[Any, Any]:
        """Returns the behaviors of NanoEvents and of awkward vectors."""
        return {**super().behavior(), **vector.backends.awkward.behavior, **TRIGGER_BEHAVIOR}


@cache
def schema_of(layout_name: str) -> type[NtupleSchema]:
    """Returns the schema for trees of a known layout.

    Args:
        layout_name: A name, or the text of a user's table.
    """
    return type(f"NtupleSchema_{layout_name}", (NtupleSchema,), {"layout_name": layout_name})


class _View:
    """Sorts the branches into a tree of collections and turns it into forms."""

    def __init__(self, table: Layout, forms: dict[str, Form]) -> None:
        self.table = table
        self.forms = forms
        self.scalars: list[Branch] = []
        self.collections: dict[str, list[Branch]] = {}
        order = {branch.name: i for i, branch in enumerate(table.branches)}
        for name in sorted(forms, key=lambda n: order.get(n, len(order))):
            for branch in table.rows_named(name):
                collection, _, field = branch.view.partition(".")
                if collection == "raw":
                    continue
                if field:
                    self.collections.setdefault(collection, []).append(branch)
                else:
                    self.scalars.append(branch)

    def fields_and_contents(self) -> tuple[list[str], list[Form]]:
        fields = {branch.view: self._scalar(branch) for branch in self.scalars}
        raw = {
            branch.view: _stored(branch, self.forms[branch.name], f"{branch.name},!load")
            for branch in self.scalars
        }
        for name, members in self.collections.items():
            fields[name] = self._collection(name, members, masked=True)
            raw[name] = self._collection(name, members, masked=False)
        for name, form in self.forms.items():
            raw.setdefault(name, _stored(self.table.find(name), form, f"{name},!load"))
        fields["raw"] = _record(raw, "raw")
        return list(fields), list(fields.values())

    def _scalar(self, branch: Branch) -> Form:
        form, key = self.forms[branch.name], f"{branch.name},!load"
        if branch.first:
            form, key = form["content"], f"{key},{branch.name},!tau3mu_single"
        return _value(branch, form, key, masked=True)

    def _collection(self, name: str, members: list[Branch], *, masked: bool) -> Form:
        if all(self.forms[b.name]["class"] == "NumpyArray" for b in members):
            return _record({b.view.partition(".")[2]: self._scalar(b) for b in members}, name)
        pad = self.table.pad if self.table.padded == name else None
        if pad is not None and pad.name not in self.forms:
            message = f"branch {pad.name} is needed to tell pads among the {name}s: read it too"
            raise InputError(message, code="ntuples.pads-unknown", path=pad.name)
        first = pad or members[0]
        leaves = {
            branch.view.partition(".")[2]: _value(
                branch, self.forms[branch.name]["content"], _aligned(branch, first), masked=masked
            )
            for branch in members
        }
        if masked:
            for branch in members:
                if branch.leg:
                    leaves = self._leg(branch, first) | leaves
        key = f"{first.name},!load"
        if pad is not None and masked:
            leaves["index"] = _number("int64", f"{key},!tau3mu_positions")
            key = f"{key},{self.table.pad_value!r},!tau3mu_without_pads"
            return _list(key, _indexed(f"{key},!content", _nested(leaves, name)))
        return _list(key, _nested(leaves, name))

    def _leg(self, index: Branch, first: Branch) -> dict[str, Form]:
        """Returns the leaves of a leg that is given by its index in another collection."""
        name = index.view.partition(".")[2].removesuffix("_index")
        members = self.collections.get(index.leg, [])
        leaves = {}
        for branch in members:
            lists = f"{branch.name},!load"
            content = self.forms[branch.name]["content"]
            value = _value(branch, content, f"{lists},!content", masked=True)
            key = f"{_aligned(index, first)},{index.name},!load,{lists},{index.name},!tau3mu_leg"
            if value["class"] == "ByteMaskedArray":
                key = f"{key},{_mask_key(value)},!tau3mu_leg_there"
                value = value["content"]
            form = _indexed(key, value) | {"class": "IndexedOptionArray"}
            leaves[f"{name}.{branch.view.partition('.')[2]}"] = form
        return leaves


def _mask_key(value: Form) -> str:
    """Returns the key of the mask of an option, without what stands for the appended operation."""
    return str(unquote(value["form_key"])).removesuffix(",!skip")


def _aligned(branch: Branch, first: Branch) -> str:
    if branch.name == first.name:
        return f"{branch.name},!load,!content"
    return f"{first.name},!load,{branch.name},!load,{first.name},{branch.name},!tau3mu_aligned"


def _value(branch: Branch, form: Form, key: str, *, masked: bool) -> Form:
    if not masked:
        return _stored(branch, form, key)
    value = _typed(branch, _rekey(form, key), key)
    optional = branch.optional and not branch.view.startswith(_TRIGGERS)
    return _option(value, key, branch) if branch.missing or optional else value


def _stored(branch: Branch | None, form: Form, key: str) -> Form:
    """Returns values as they are stored, which of a branch that the file lacks are missing."""
    if branch is None or not branch.absent or branch.view.startswith(_TRIGGERS):
        return _rekey(form, key)
    if is_list(branch.type) and form["class"] == "ListOffsetArray" and not key.endswith("!content"):
        return _list(key, _stored(branch, form["content"], f"{key},!content"))
    return _option(_rekey(form, key), key, branch)


def _typed(branch: Branch, value: Form, key: str) -> Form:
    """Returns values of the type that the layout says, whatever numbers the file holds."""
    if "primitive" not in value or branch.view.startswith("raw."):
        return value
    stored, asked = value["primitive"], branch.type.rpartition(" ")[2]
    if branch.flag or (branch.view.startswith(_TRIGGERS) and asked == "bool" != stored):
        return {**value, "primitive": "bool", "form_key": quote(f"{key},!tau3mu_flag")}
    if stored == asked or not converts(stored, asked):
        return value
    key = quote(f"{key},{branch.name},{asked},!tau3mu_as")
    return {**value, "primitive": asked, "form_key": key}


def _option(content: Form, key: str, branch: Branch) -> Form:
    # NanoEvents appends the operation "mask" to the key of a mask, which "!skip" passes over.
    values = _ABSENT if branch.absent else "|".join(map(repr, branch.missing))
    return {
        "class": "ByteMaskedArray",
        "mask": "i8",
        "valid_when": True,
        "content": content,
        "parameters": {},
        "form_key": quote(f"{key},{values},!tau3mu_valid,!skip"),
    }


def _rekey(form: Form, key: str) -> Form:
    if (form.get("parameters") or {}).get("__array__") == "string":
        key = f"{key},!tau3mu_strings"
        return _indexed(key, _plain(form, f"{key},!content"))
    return _plain(form, key)


def _list(key: str, content: Form) -> Form:
    return {
        "class": "ListOffsetArray",
        "offsets": "i64",
        "content": content,
        "parameters": {},
        "form_key": quote(key),
    }


def _indexed(key: str, content: Form) -> Form:
    return {
        "class": "IndexedArray",
        "index": "i64",
        "content": content,
        "parameters": {},
        "form_key": quote(f"{key},!index"),
    }


def _number(primitive: str, key: str) -> Form:
    return {
        "class": "NumpyArray",
        "primitive": primitive,
        "inner_shape": [],
        "parameters": {},
        "form_key": quote(key),
    }


def _plain(form: Form, key: str) -> Form:
    renamed = {**form, "form_key": quote(key)}
    if "content" in form:
        renamed["content"] = _rekey(form["content"], f"{key},!content")
    return renamed


def _nested(leaves: dict[str, Form], name: str) -> Form:
    fields: dict[str, Form] = {}
    parts: dict[str, dict[str, Form]] = {}
    for path, form in leaves.items():
        head, _, rest = path.partition(".")
        if rest:
            parts.setdefault(head, {})[rest] = form
        else:
            fields[path] = form
    return _record(fields | {part: _nested(forms, part) for part, forms in parts.items()}, name)


def _record(fields: dict[str, Form], name: str) -> Form:
    parameters = {"__record__": TRIGGERS} if name in LEVELS else {}
    # Secondary vertices of NanoAOD have a place as well, and a vector is given in one way alone.
    if {"pt", "eta", "phi"} <= fields.keys() and not fields.keys() & _OTHER_COORDINATES:
        four = "mass" in fields or "energy" in fields
        parameters["__record__"] = "Momentum4D" if four else "Momentum3D"
    return {
        "class": "RecordArray",
        "fields": list(fields),
        "contents": list(fields.values()),
        "parameters": parameters,
        "form_key": quote(f"!invalid,{name}"),
    }


def _flat(array: Any) -> ak.contents.Content:
    return array.layout if isinstance(array, ak.Array) else array


def aligned_content(stack: list[Any]) -> None:
    """Extracts the content of a list after a check of its lengths: first,array,names,!aligned.

    Args:
        stack: The list of the collection by which it is measured, the list, and the names of both.

    Raises:
        MisalignedError: They have other lengths.
    """
    name, first_name = stack.pop(), stack.pop()
    array, first = _flat(stack.pop()), _flat(stack.pop())
    offsets, expected = array.offsets.data, first.offsets.data
    if offsets is not expected and not np.array_equal(offsets, expected):
        event = int(np.argmax(np.diff(offsets) != np.diff(expected)))
        message = (
            f"branch {name} does not align with {first_name}: "
            f"they have different lengths in event {event} of the chunk"
        )
        raise MisalignedError(message, code="ntuples.misaligned", path=name)
    stack.append(array.content)


def _single_content(stack: list[Any]) -> None:
    """Extracts the only value of each list: array,name,!single."""
    name, array = stack.pop(), _flat(stack.pop())
    if not np.all(np.diff(array.offsets.data) == 1):
        message = f"branch {name} should hold exactly one value in every event"
        raise MisalignedError(message, code="ntuples.misaligned", path=name)
    stack.append(array.content)


def _string_indices(stack: list[Any]) -> None:
    """Turns strings into indices into strings, unless they are that: array,!strings."""
    strings = _flat(stack.pop())
    if not strings.is_indexed:
        everything = ak.index.Index64(np.arange(len(strings)))
        strings = ak.contents.IndexedArray(everything, strings)
    stack.append(strings)


def _flag(stack: list[Any]) -> None:
    """Turns numbers into booleans, NaN into False: array,!flag."""
    values = ak.to_numpy(stack.pop())
    stack.append((values < 0) | (values > 0))


def _without_pads(stack: list[Any]) -> None:
    """Removes pads from lists, an index telling what is left: lists,value,!without_pads."""
    value, lists = float(stack.pop()), _flat(stack.pop())
    offsets = lists.offsets.data
    real = ak.to_numpy(lists.content)[: offsets[-1]] != value
    before = np.zeros(len(real) + 1, np.int64)
    np.cumsum(real, out=before[1:])
    kept = ak.contents.IndexedArray(ak.index.Index64(np.flatnonzero(real)), lists.content)
    stack.append(ak.contents.ListOffsetArray(ak.index.Index64(before[offsets]), kept))


def _positions(stack: list[Any]) -> None:
    """Returns the position of each element in its list: lists,!positions."""
    offsets = _flat(stack.pop()).offsets.data
    stack.append(np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets)))


def _as(stack: list[Any]) -> None:
    """Turns numbers into those of another type, which have to hold them: array,name,type,!as."""
    kind, name = stack.pop(), stack.pop()
    stored = ak.to_numpy(stack.pop())
    values = stored.astype(kind)
    back = values.astype(stored.dtype)
    differs = ((back != stored) & ~np.isnan(stored)) | ((values < 0) != (stored < 0))
    if (wrong := np.flatnonzero(differs)).size:
        message = (
            f"branch {name} holds {stored[wrong[0]]} as {stored.dtype}, which {kind} cannot hold: "
            "write another type into the layout"
        )
        raise MisalignedError(message, code="ntuples.wrong-type", path=name)
    stack.append(values)


def _leg(stack: list[Any]) -> None:
    """Finds legs in the contents of their lists: indices,their lists,lists,name,!leg."""
    name, lists, own, index = (stack.pop() for _ in range(4))
    offsets = _flat(lists).offsets.data
    own, index = _flat(own).offsets.data, ak.to_numpy(index).astype(np.int64)
    numbers = np.repeat(np.diff(offsets), np.diff(own))
    if np.any(index[: len(numbers)] >= numbers):
        message = f"branch {name} holds indices beyond the end of the lists that they are for"
        raise MisalignedError(message, code="ntuples.misaligned", path=name)
    found = np.where(index < 0, -1, index + np.repeat(offsets[:-1], np.diff(own)))
    stack.append(ak.contents.IndexedOptionArray(ak.index.Index64(found), _NOTHING))


def _leg_there(stack: list[Any]) -> None:
    """Removes legs whose value is missing: legs,mask,!leg_there."""
    there, legs = np.asarray(stack.pop()), stack.pop()
    index = legs.index.data
    kept = np.where((index >= 0) & (there[index] > 0), index, -1) if len(there) else index
    stack.append(ak.contents.IndexedOptionArray(ak.index.Index64(kept), _NOTHING))


def _valid(stack: list[Any]) -> None:
    """Marks the values that are not missing: array,values,!valid."""
    text, array = stack.pop(), stack.pop()
    if not text or text == _ABSENT:
        stack.append(np.full(len(array), not text, np.int8))
        return
    missing = [float(value) for value in text.split("|")]
    stack.append((~np.isin(ak.to_numpy(array), missing)).astype(np.int8))


print_values()

transforms.tau3mu_aligned = aligned_content
transforms.tau3mu_single = _single_content
transforms.tau3mu_strings = _string_indices
transforms.tau3mu_flag = _flag
transforms.tau3mu_as = _as
transforms.tau3mu_leg = _leg
transforms.tau3mu_leg_there = _leg_there
transforms.tau3mu_valid = _valid
transforms.tau3mu_without_pads = _without_pads
transforms.tau3mu_positions = _positions
