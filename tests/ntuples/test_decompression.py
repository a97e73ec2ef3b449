from __future__ import annotations

import random
import zlib

import pytest
import uproot

import tau3mu.ntuples.fast.branches  # noqa: F401 - puts the decompression in place
from tau3mu.storage.failures import read_errors


def decompress(data, size):
    return uproot.compression._decompress_ZLIB.decompress(data, size)


@pytest.mark.parametrize("level", [1, 6, 9])
@pytest.mark.parametrize("content", [b"", b"x", random.Random(1).randbytes(99_999), b"ab" * 70_000])
def test_what_zlib_has_compressed_comes_back(level, content):
    assert decompress(zlib.compress(content, level), len(content)) == content


def test_a_repeated_menu_is_decompressed_once_and_others_are_not_kept():
    menu = zlib.compress(b"HLT_DoubleMu3_Trk_Tau3mu_v" * 1000)
    first = decompress(menu, 26_000)
    assert decompress(bytearray(menu), 26_000) is first
    numbers = random.Random(2).randbytes(26_000)
    block = zlib.compress(numbers)
    assert decompress(block, 26_000) is not decompress(block, 26_000)


def test_damaged_blocks_are_errors_whether_kept_or_not():
    for content in (b"HLT_DoubleMu3_Trk_Tau3mu_v" * 1000, random.Random(3).randbytes(26_000)):
        good = zlib.compress(content)
        wrong_checksum = good[:-1] + bytes([good[-1] ^ 1])
        for block in (wrong_checksum, good[: len(good) // 2], b"\x00" + good[1:]):
            with pytest.raises(read_errors()):
                decompress(block, len(content))
        assert decompress(good, len(content)) == content
