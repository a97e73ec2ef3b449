"""Decompresses the baskets of the branches that are read, and does nothing else with them.

usage: decompression.py LIBRARY BRANCHES FILES...

LIBRARY is libdeflate or zlib; BRANCHES is a comma-separated list. The tree of the files is
a TTree, compressed with zlib. The baskets of a branch are in memory before the clock runs. Prints
a JSON object: CPU seconds, compressed and uncompressed bytes.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from pathlib import Path

import uproot

TREE = "Tree3Mu/ntuple"
FRAME = 9  # bytes before each compressed block: ZL, method, two sizes of three bytes


def decompressor(library):
    """Returns the function from compressed bytes and their size afterwards to bytes."""
    if library == "libdeflate":
        import deflate

        return deflate.zlib_decompress
    import zlib

    return lambda data, size: zlib.decompress(data, bufsize=size)


def blocks(basket):
    """Yields the compressed blocks of a basket and their sizes afterwards."""
    unpacked, _, key = struct.unpack_from(">iiH", basket, 6)
    if len(basket) - key == unpacked:  # stored as it is
        return
    position = key
    while position < len(basket):
        if basket[position : position + 2] != b"ZL":
            sys.exit(f"expected zlib, found {basket[position : position + 2]!r}")
        sizes = basket[position + 3 : position + FRAME]
        stored, size = int.from_bytes(sizes[:3], "little"), int.from_bytes(sizes[3:], "little")
        position += FRAME
        yield basket[position : position + stored], size
        position += stored


def main():
    library, branches, *files = sys.argv[1:]
    decompress = decompressor(library)
    seconds = stored = unpacked = 0
    for path in files:
        with uproot.open(path) as file, Path(path).open("rb") as raw:
            for name in branches.split(","):
                branch = file[TREE][name]
                baskets = zip(branch.member("fBasketSeek"), branch.member("fBasketBytes"))  # noqa: B905
                found = []
                for seek, size in list(baskets)[: branch.num_baskets]:
                    raw.seek(seek)
                    found += blocks(raw.read(size))
                begin = time.process_time()
                for data, size in found:
                    decompress(data, size)
                seconds += time.process_time() - begin
                stored += sum(len(data) for data, _ in found)
                unpacked += sum(size for _, size in found)
    print(json.dumps({"cpu": seconds, "stored": stored, "unpacked": unpacked}))


if __name__ == "__main__":
    main()
