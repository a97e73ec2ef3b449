"""Opens trees of which only some branches are looked at.

uproot builds some twenty objects per branch when it opens a tree, 5000 for a skim of 300 branches,
of which an analysis reads a few dozen. It is given classes for branches (`custom_classes`)
that step over the others, and that read vectors in the ways of `vectors` and `string_lists`.
"""

from __future__ import annotations

import re
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar

import uproot

from tau3mu.ntuples.fast.baskets import Baskets, use_fast_zlib
from tau3mu.ntuples.fast.string_lists import AsStringLists
from tau3mu.ntuples.fast.uproot_names import (
    Model_TBranch,
    Model_TBranch_v13,
    Model_TBranchElement,
    Model_TBranchElement_v10,
    TTree,
    UnknownInterpretation,
    kByteCountMask,
    kByteCountVMask,
    kIsReferenced,
    kMapOffset,
    remember_class_names,
)
from tau3mu.ntuples.fast.vectors import AsVectors, forget_positions
from tau3mu.ntuples.offsets import counters
from tau3mu.storage.source import LocalSource

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["branch_classes", "forget_positions", "link_fields"]

use_fast_zlib()
remember_class_names()


class _Skipping:
    """Reads branches of a tree or steps over them; a mixin for uproot's classes of any version."""

    wanted: ClassVar[Callable[[str], bool]]
    header: ClassVar[Struct]
    version: ClassVar[int]
    known_versions: ClassVar[dict[int, Any]]
    names: ClassVar[dict[bytes, Any]]
    """Classes that have been looked up, by their names."""

    @classmethod
    def read(
        cls,
        chunk: Any,
        cursor: Any,
        context: Any,
        file: Any,
        selffile: Any,
        parent: Any,
        concrete: Any = None,
    ) -> Any:
        if isinstance(parent, TTree) and concrete is None:
            name, n_bytes = cls._look(chunk, cursor, context)
            if name is not None and not cls.wanted(name):
                cls._learn_classes(chunk, cursor, n_bytes, file)
                cursor.skip(n_bytes)
                return cls._skipped(name, parent, selffile)
        return super().read(  # type: ignore[misc]
            chunk, cursor, context, file, selffile, parent, concrete
        )

    @classmethod
    def _look(cls, chunk: Any, cursor: Any, context: Any) -> tuple[str | None, int]:
        """Returns name and size of the next branch, no name if it does not begin as most do."""
        begin, end = cursor.index, cursor.index + cls.header.size
        n_bytes, version, *more, bits, length = cls.header.unpack(
            chunk.get(begin, end, cursor, context)
        )
        counts = (n_bytes, *more[:-2:2])
        usual = version == cls.version and all(count & kByteCountMask for count in counts)
        if not usual or more[-2] & kByteCountVMask or bits & kIsReferenced or length == _LONG:
            return None, 0
        name = chunk.get(end, end + length, cursor, context).tobytes()
        return name.decode("utf-8", "surrogateescape"), (n_bytes & ~kByteCountMask) + 4

    @classmethod
    def _learn_classes(cls, chunk: Any, cursor: Any, n_bytes: int, file: Any) -> None:
        """Notes the classes named in what is stepped over, which later ones refer to."""
        stored = chunk.get(cursor.index, cursor.index + n_bytes, cursor, {}).tobytes()
        for found in _NEW_CLASS.finditer(stored):
            name = found[1]
            if name not in cls.names:
                cls.names[name] = file.class_named(name.decode())
            cursor.refs[cursor.displacement() + found.start() + kMapOffset] = cls.names[name]

    @classmethod
    def _skipped(cls, name: str, parent: Any, file: Any) -> Any:
        branch = cls.known_versions[cls.version].empty()
        branch._file, branch._parent, branch._lookup = file, parent, {}
        branch._members = {"fName": name, "fTitle": name, "fBranches": []}
        branch._interpretation = UnknownInterpretation(
            "this branch was not asked for", file.file_path, name
        )
        return branch


class _PlainBranch(Model_TBranch_v13):  # type: ignore[misc]
    def postprocess(self, chunk: Any, cursor: Any, context: Any, file: Any) -> Any:
        for leaf in self.member("fLeaves"):
            if leaf is None:
                message = f"branch {self.name} lacks a leaf: the file is damaged"
                raise ValueError(message)
            counter = _COUNTER.search(leaf.member("fTitle"))
            if counter and leaf.member("fLeafCount") is None:
                message = f"branch {self.name} is counted by {counter[1]}, expected " + " or ".join(
                    sorted(counters([self.name]))
                )
                raise ValueError(message)
        return super().postprocess(chunk, cursor, context, file)


class _ElementBranch(Model_TBranchElement_v10):  # type: ignore[misc]
    vectors: ClassVar[dict[tuple[Any, ...] | None, Any]] = {}
    """Interpretations of vectors of numbers, by all that they are found from."""

    @cached_property
    def interpretation(self) -> Any:
        kind = self._kind()
        standard = self.vectors.get(kind) or super().interpretation
        if AsVectors.replaces(standard):
            if kind is not None:
                self.vectors[kind] = standard
            return AsVectors(standard)
        return AsStringLists(standard) if AsStringLists.replaces(standard) else standard

    def _kind(self) -> tuple[Any, ...] | None:
        """Returns what the interpretation follows from, None for a branch of an unusual shape."""
        leaves = self.member("fLeaves") if self.has_member("fLeaves") else []
        if [leaf.classname for leaf in leaves] != ["TLeafElement"] or len(self.branches):
            return None
        leaf = [leaves[0].member(name) for name in ("fType", "fLeafCount", "fTitle")]
        if leaf[1] is not None or "[" in leaf[2] or self.member("fBranchCount") is not None:
            return None
        names = ("fClassName", "fClonesName", "fParentName", "fID", "fType", "fStreamerType")
        return (leaf[0], *(str(self.member(name)) for name in names))

    def entries_to_ranges_or_baskets(self, entry_start: int, entry_stop: int) -> Any:
        parts = super().entries_to_ranges_or_baskets(entry_start, entry_stop)
        # Remote files are better asked for all branches at once, which uproot does.
        local = isinstance(self.file.source, LocalSource)
        if parts and local and isinstance(self.interpretation, (AsVectors, AsStringLists)):
            return [(parts[0][0], Baskets.of(self, parts))]
        return parts


def branch_classes(wanted: Callable[[str], bool]) -> dict[str, type]:
    """Returns uproot's classes by name, with others for branches; see `tau3mu.ntuples.fast`."""
    changed = {}
    names: dict[bytes, Any] = {}
    for dispatch, number, better, header in (
        (Model_TBranch, 13, _PlainBranch, _PLAIN),
        (Model_TBranchElement, 10, _ElementBranch, _ELEMENT),
    ):
        name = dispatch.__name__
        facts = {
            "wanted": staticmethod(wanted),
            "header": header,
            "version": number,
            # uproot goes by the names of classes.
            "known_versions": {
                **dispatch.known_versions,
                number: type(f"{name}_v{number}", (better,), {}),
            },
            "names": names,
        }
        changed[name.removeprefix("Model_")] = type(name, (_Skipping, dispatch), facts)
    return {**uproot.classes, **changed}


def link_fields(ntuple: Any) -> None:
    """Gives all fields those below them, for each of which uproot looks through all fields."""
    fields = ntuple.all_fields
    if all(getattr(field, "_fields", ()) is not None for field in fields):
        return  # done before, or a version of uproot that keeps them elsewhere
    children: list[list[Any]] = [[] for _ in fields]
    for field, record in zip(fields, ntuple.field_records, strict=True):
        if record.parent_field_id != field.field_id:
            children[record.parent_field_id].append(field)

    def below(field: Any) -> list[Any]:
        if field._fields is None:
            found = ([c] if not c.is_anonymous else below(c) for c in children[field.field_id])
            field._fields = [each for some in found for each in some]
        return list(field._fields)

    for field in fields:
        below(field)


# What a branch begins with: byte counts and versions of itself and of what it derives from; then
# the version, number and bits of TObject; then the length of its name, in one byte if it fits.
_PLAIN = Struct(">IH IH HII B")
_ELEMENT = Struct(">IH IH IH HII B")
_LONG = 255
_COUNTER = re.compile(r"\[([A-Za-z_]\w*)\]")
_NEW_CLASS = re.compile(rb"\xff\xff\xff\xff(T(?:Branch|Leaf|ObjArray|Basket)[A-Za-z]*)\x00")
