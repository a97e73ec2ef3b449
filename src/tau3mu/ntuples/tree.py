"""Opens trees of which only some branches are looked at.

uproot builds some twenty objects per branch when it opens a tree, 5000 for a skim of 300 branches,
of which an analysis reads a few dozen. `open_file` gives it a class for branches (through its
`custom_classes`) that steps over the others, and that reads vectors in the ways of
`tau3mu.ntuples.vectors` and `tau3mu.ntuples.menus`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import uproot
from uproot.behaviors.TTree import TTree
from uproot.deserialization import numbytes_version
from uproot.interpretation.identify import UnknownInterpretation
from uproot.models.TBranch import Model_TBranchElement, Model_TBranchElement_v10
from uproot.models.TObject import Model_TObject

from tau3mu.ntuples.baskets import Baskets
from tau3mu.ntuples.decompression import use_fast_zlib
from tau3mu.ntuples.menus import AsMenus
from tau3mu.ntuples.vectors import AsVectors

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["open_file"]

use_fast_zlib()


def open_file(path: str, wanted: Callable[[str], bool], **remote: Any) -> Any:
    """Returns an open `uproot.ReadOnlyFile` in whose trees only some branches can be read.

    The others have a name and nothing else; a tree without `std::vector` branches has them all.

    Args:
        path: A local file or a URL.
        wanted: Tells of the name of a branch at the top of a tree whether it is to be read.
        **remote: Options of uproot for URLs.
    """
    # Plain reads of local files: uproot's default goes through an event loop in another thread.
    source = remote if "://" in path else {"handler": uproot.MultithreadedFileSource}
    # The cache is of this file alone: another one of the same name may have other branches.
    return uproot.ReadOnlyFile(
        path,
        object_cache=10,
        array_cache=None,
        custom_classes=_classes(wanted),
        use_threads=False,
        **source,
    )


class _Branch(Model_TBranchElement_v10):  # type: ignore[misc]
    """A branch of vectors, read or stepped over."""

    wanted: ClassVar[Callable[[str], bool]]

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
        # Classes are named where a tree uses them first and referred to later, so what uses the
        # class of the leaves first has to be read.
        if isinstance(parent, TTree) and _knows_leaves(cursor):
            inner = cursor.copy()
            n_bytes, _, _ = numbytes_version(chunk, inner, context)
            for _base in ("TBranch", "TNamed"):
                numbytes_version(chunk, inner, context)
            Model_TObject.read(chunk, inner, {}, file, selffile, None)
            name = inner.string(chunk, context)
            if n_bytes is not None and not cls.wanted(name):
                cursor.skip(n_bytes)
                return cls._skipped(name, parent, selffile)
        return super().read(chunk, cursor, context, file, selffile, parent, concrete)

    @classmethod
    def _skipped(cls, name: str, parent: Any, file: Any) -> Any:
        branch = cls.empty()
        branch._file, branch._parent, branch._lookup = file, parent, {}
        branch._members = {"fName": name, "fTitle": name, "fBranches": []}
        branch._interpretation = UnknownInterpretation(
            "this branch was not asked for", file.file_path, name
        )
        return branch

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
        local = isinstance(self.file.source, uproot.MultithreadedFileSource)
        if parts and local and isinstance(self.interpretation, (AsVectors, AsMenus)):
            return [(parts[0][0], Baskets.of(self, parts))]
        return parts


def _classes(wanted: Callable[[str], bool]) -> dict[str, type]:
    version = type("Model_TBranchElement_v10", (_Branch,), {"wanted": staticmethod(wanted)})
    versions = {**Model_TBranchElement.known_versions, 10: version}
    dispatch = type("Model_TBranchElement", (Model_TBranchElement,), {"known_versions": versions})
    return {**uproot.classes, "TBranchElement": dispatch}


def _knows_leaves(cursor: Any) -> bool:
    return any(
        isinstance(known, type) and known.__name__ == "Model_TLeafElement"
        for known in cursor.refs.values()
    )
