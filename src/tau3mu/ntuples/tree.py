"""Opens trees of which only some branches are looked at.

uproot builds some twenty objects per branch when it opens a tree, 5000 for a skim of 300 branches,
of which an analysis reads a few dozen. `open_file` gives it a class for branches (through its
`custom_classes`) that steps over the others, and that reads vectors in the ways of
`tau3mu.ntuples.vectors` and `tau3mu.ntuples.string_lists`.
"""

from __future__ import annotations

import re
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar

import uproot
from uproot.behaviors.TTree import TTree
from uproot.const import kByteCountMask, kByteCountVMask, kIsReferenced, kMapOffset
from uproot.interpretation.identify import UnknownInterpretation
from uproot.models.TBranch import (
    Model_TBranch,
    Model_TBranch_v13,
    Model_TBranchElement,
    Model_TBranchElement_v10,
)

from tau3mu.ntuples.baskets import Baskets
from tau3mu.ntuples.decompression import use_fast_zlib
from tau3mu.ntuples.string_lists import AsMenus
from tau3mu.ntuples.vectors import AsVectors
from tau3mu.storage.source import LocalSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["counters", "open_file"]

use_fast_zlib()


def open_file(path: str, wanted: Callable[[str], bool], **remote: Any) -> Any:
    """Returns an open `uproot.ReadOnlyFile` in whose trees only some branches can be read.

    The others have a name and nothing else.

    Args:
        path: A local file or a URL.
        wanted: Tells of the name of a branch at the top of a tree whether it is to be read; with a
            branch of lists, its counter is.
        **remote: Options of uproot for URLs.
    """
    source = remote if "://" in path else {"handler": LocalSource}
    # The cache is of this file alone: another one of the same name may have other branches.
    return uproot.ReadOnlyFile(
        path,
        object_cache=10,
        array_cache=None,
        custom_classes=_classes(wanted),
        use_threads=False,
        **source,
    )


def counters(names: Iterable[str]) -> set[str]:
    """Returns the names that the counters of branches of lists have in NanoAOD.

    The lists `Muon_pt` are as long as `nMuon` says; a list that stands alone has a counter `nName`.

    Args:
        names: Of the branches.
    """
    words = (name.split("_") for name in names)
    return {"n" + "_".join(parts[:k]) for parts in words for k in range(1, len(parts) + 1)}


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
    @cached_property
    def interpretation(self) -> Any:
        standard = super().interpretation
        for better in (AsVectors, AsMenus):
            if better.replaces(standard):
                return better(standard)
        return standard

    def entries_to_ranges_or_baskets(self, entry_start: int, entry_stop: int) -> Any:
        parts = super().entries_to_ranges_or_baskets(entry_start, entry_stop)
        # Remote files are better asked for all branches at once, which uproot does.
        local = isinstance(self.file.source, LocalSource)
        if parts and local and isinstance(self.interpretation, (AsVectors, AsMenus)):
            return [(parts[0][0], Baskets.of(self, parts))]
        return parts


def _classes(wanted: Callable[[str], bool]) -> dict[str, type]:
    """Returns uproot's classes by name, with others for branches."""
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


# What a branch begins with: byte counts and versions of itself and of what it derives from; then
# the version, number and bits of TObject; then the length of its name, in one byte if it fits.
_PLAIN = Struct(">IH IH HII B")
_ELEMENT = Struct(">IH IH IH HII B")
_LONG = 255
_COUNTER = re.compile(r"\[([A-Za-z_]\w*)\]")
_NEW_CLASS = re.compile(rb"\xff\xff\xff\xff(T(?:Branch|Leaf|ObjArray|Basket)[A-Za-z]*)\x00")
