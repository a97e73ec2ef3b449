"""Own decoding of trees, faster than that of uproot, behind one switch.

The functions here are all that the rest of the package uses. Where uproot lacks one
of the private names of `uproot_names`, or `TAU3MU_FAST=0` is set, uproot reads alone: the same
arrays, in about twice the time.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = ["branch_classes", "forget_positions", "link_fields"]

log = logging.getLogger(__name__)


def branch_classes(wanted: Callable[[str], bool]) -> dict[str, type] | None:
    """Returns classes for uproot that read only some branches of trees, None for its own.

    Args:
        wanted: Returns of the name of a branch at the top of a tree whether it is to be read.
    """
    return None if (own := _own_decoding()) is None else own.branch_classes(wanted)


def link_fields(ntuple: Any) -> None:
    """Gives each field of an RNTuple those below it, for which uproot takes seconds.

    Args:
        ntuple: An open RNTuple.
    """
    if (own := _own_decoding()) is not None:
        own.link_fields(ntuple)


def forget_positions() -> None:
    """Frees what the branches of one read share, and what is of no use for the next."""
    if (own := _own_decoding()) is not None:
        own.forget_positions()


@cache
def _own_decoding() -> ModuleType | None:
    if os.environ.get("TAU3MU_FAST") == "0":
        return None
    try:
        from tau3mu.ntuples.fast import branches
    except (ImportError, AttributeError) as error:
        log.warning("this version of uproot is used without own decoding, more slowly: %s", error)
        return None
    return branches
