"""Opens trees of which only some branches are looked at.

uproot builds some twenty objects per branch when it opens a tree, 5000 for a skim of 300 branches,
of which an analysis reads a few dozen. `open_file` gives it a class for branches (through its
`custom_classes`) that steps over the others, and that reads vectors in the ways of
`tau3mu.ntuples.vectors` and `tau3mu.ntuples.menus`.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import uproot
from uproot.behaviors.TTree import TTree
from uproot.const import kMapOffset
from uproot.deserialization import numbytes_version
from uproot.interpretation.identify import UnknownInterpretation
from uproot.models.TBranch import (
    Model_TBranch,
    Model_TBranch_v13,
    Model_TBranchElement,
    Model_TBranchElement_v10,
)
from uproot.models.TObject import Model_TObject

from tau3mu.ntuples.baskets import Baskets
from tau3mu.ntuples.decompression import use_fast_zlib
from tau3mu.ntuples.menus import AsMenus
from tau3mu.ntuples.source import LocalSource
from tau3mu.ntuples.vectors import AsVectors

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


class _Branch:
    """A branch of a tree, read or stepped over; a mixin for uproot's classes of branches."""

    wanted: ClassVar[Callable[[str], bool]]
    bases: ClassVar[int]
    """How many base classes are stored before the name."""

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
            inner = cursor.copy()
            n_bytes, _, _ = numbytes_version(chunk, inner, context)
            for _base in range(cls.bases):
                numbytes_version(chunk, inner, context)
            Model_TObject.read(chunk, inner, {}, file, selffile, None)
            name = inner.string(chunk, context)
            if n_bytes is not None and not cls.wanted(name):
                _learn_classes(chunk, cursor, n_bytes, file)
                cursor.skip(n_bytes)
                return cls._skipped(name, parent, selffile)
        return super().read(  # type: ignore[misc]
            chunk, cursor, context, file, selffile, parent, concrete
        )

    @classmethod
    def _skipped(cls, name: str, parent: Any, file: Any) -> Any:
        branch = cls.empty()  # type: ignore[attr-defined]
        branch._file, branch._parent, branch._lookup = file, parent, {}
        branch._members = {"fName": name, "fTitle": name, "fBranches": []}
        branch._interpretation = UnknownInterpretation(
            "this branch was not asked for", file.file_path, name
        )
        return branch


class _PlainBranch(_Branch, Model_TBranch_v13):  # type: ignore[misc]
    bases = 1

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


class _ElementBranch(_Branch, Model_TBranchElement_v10):  # type: ignore[misc]
    bases = 2

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
    for dispatch, number, better in (
        (Model_TBranch, 13, _PlainBranch),
        (Model_TBranchElement, 10, _ElementBranch),
    ):
        name = dispatch.__name__
        version = type(f"{name}_v{number}", (better,), {"wanted": staticmethod(wanted)})
        versions = {**dispatch.known_versions, number: version}
        changed[name.removeprefix("Model_")] = type(name, (dispatch,), {"known_versions": versions})
    return {**uproot.classes, **changed}


_COUNTER = re.compile(r"\[([A-Za-z_]\w*)\]")
_NEW_CLASS = re.compile(rb"\xff\xff\xff\xff(T(?:Branch|Leaf|ObjArray|Basket)[A-Za-z]*)\x00")


def _learn_classes(chunk: Any, cursor: Any, n_bytes: int, file: Any) -> None:
    """Notes the classes that are named in what is stepped over: later ones refer to the name."""
    stored = chunk.get(cursor.index, cursor.index + n_bytes, cursor, {}).tobytes()
    for found in _NEW_CLASS.finditer(stored):
        place = cursor.displacement() + found.start() + kMapOffset
        cursor.refs[place] = file.class_named(found[1].decode())
