"""All names of uproot that own decoding needs and that uproot may change at any time."""

from __future__ import annotations

from functools import lru_cache

import uproot
from uproot.behaviors.TTree import TTree
from uproot.compression import _DecompressZLIB as DecompressZLIB
from uproot.compression import decompress
from uproot.const import kByteCountMask, kByteCountVMask, kIsReferenced, kMapOffset
from uproot.interpretation.identify import UnknownInterpretation
from uproot.interpretation.jagged import AsJagged
from uproot.interpretation.objects import AsObjects
from uproot.models import TBasket
from uproot.models.TBranch import (
    Model_TBranch,
    Model_TBranch_v13,
    Model_TBranchElement,
    Model_TBranchElement_v10,
)
from uproot.source.cursor import Cursor

__all__ = [
    "AsJagged",
    "AsObjects",
    "Cursor",
    "DecompressZLIB",
    "Model_TBasket",
    "Model_TBranch",
    "Model_TBranchElement",
    "Model_TBranchElement_v10",
    "Model_TBranch_v13",
    "TTree",
    "UnknownInterpretation",
    "basket_format1",
    "basket_format2",
    "basket_offsets_dtype",
    "decompress",
    "kByteCountMask",
    "kByteCountVMask",
    "kIsReferenced",
    "kMapOffset",
    "remember_class_names",
    "use_zlib",
]

Model_TBasket = TBasket.Model_TBasket
basket_format1, basket_format2 = TBasket._tbasket_format1, TBasket._tbasket_format2
basket_offsets_dtype = TBasket._tbasket_offsets_dtype

if not hasattr(uproot.compression, "_decompress_ZLIB"):  # looked up when a block is read
    message = "uproot.compression lacks _decompress_ZLIB"
    raise ImportError(message)


def remember_class_names() -> None:
    """Makes uproot normalize each name of a class once, not for each branch of each file."""
    uproot.model.classname_regularize = lru_cache(_normalize_class_name)


_normalize_class_name = uproot.model.classname_regularize


def use_zlib(decompressor: DecompressZLIB) -> None:
    """Makes uproot decompress zlib with another object in this process."""
    uproot.compression._decompress_ZLIB = decompressor
