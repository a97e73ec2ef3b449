from __future__ import annotations

import random
from pathlib import Path

import aiohttp
import awkward as ak
import numpy as np
import pytest
import uproot

from tau3mu.ntuples.unreadable import read_errors, reason

COUNTS = np.arange(300) % 4
ARRAYS = {
    "Muon_pt": ak.unflatten(np.linspace(2, 20, COUNTS.sum(), dtype=np.float32), COUNTS),
    "run": np.arange(300, dtype=np.uint32),
}


@pytest.fixture
def uproot_models():
    """Puts uproot's models back: a damaged version number replaces them for the whole process."""
    dispatched = [c for c in uproot.classes.values() if hasattr(c, "known_versions")]
    kept = [dict(each.known_versions) for each in dispatched]
    yield
    for each, versions in zip(dispatched, kept, strict=True):
        each.known_versions.clear()
        each.known_versions.update(versions)


def read(path, tree="Events", columns=tuple(ARRAYS)):
    with uproot.open({path: None}) as file:
        return file[tree].arrays(list(columns))


def write(path, kind, compression):
    with uproot.recreate(path, compression=compression) as file:
        if kind == "rntuple":
            file.mkrntuple("Events", ARRAYS)
        else:
            types = {"Muon_pt": "var * float32", "run": "uint32"}
            file.mktree("Events", types).extend(ARRAYS)


@pytest.mark.parametrize("kind", ["ttree", "rntuple"])
@pytest.mark.parametrize(
    "compression", [None, uproot.ZLIB(1), uproot.LZMA(1), uproot.LZ4(1), uproot.ZSTD(1)], ids=str
)
def test_damaged_files(uproot_models, tmp_path, kind, compression):
    """Overwrites one byte at a time and cuts: what uproot raises has to be in the list."""
    path = tmp_path / "x.root"
    write(path, kind, compression)
    content = path.read_bytes()
    assert read(path)["run"].tolist() == list(range(300))
    generator = random.Random(f"{kind} {compression}")
    reasons = []
    for i in range(60):
        damaged = bytearray(content)
        damaged[generator.randrange(len(content))] ^= generator.randrange(1, 256)
        cut = len(content) * i // 40 if i < 40 else len(content)
        path.write_bytes(damaged[:cut])
        try:
            read(path)
        except read_errors() as error:
            reasons.append(reason(error))
    assert len(reasons) >= 20
    assert all(reasons)
    assert not [text for text in reasons if str(path) in text or "\n" in text]


@pytest.mark.parametrize("tenth", range(10))
def test_cut_demo_file(demo_paths, tmp_path, tenth):
    content = Path(demo_paths[0]).read_bytes()
    path = tmp_path / "cut.root"
    path.write_bytes(content[: len(content) * tenth // 10])
    with pytest.raises(read_errors()) as error:
        read(path, "Tree3Mu/ntuple", ["MuonPt"])
    assert reason(error.value).startswith("OSError: expected Chunk of length")


@pytest.mark.parametrize(
    ("manner", "kind"),
    [
        ("503", aiohttp.ClientResponseError),
        ("breaks_off", aiohttp.ClientPayloadError),
        ("no_ranges", uproot.DeserializationError),
        ("slow", TimeoutError),
    ],
)
def test_servers(server, tmp_path, manner, kind):
    write(tmp_path / "x.root", "ttree", None)
    with pytest.raises(read_errors()) as error:
        uproot.open({f"{server}/{manner}/x.root": "Events"}, timeout=1)
    assert isinstance(error.value, kind)
    assert (reason(error.value) == "no answer in time") == (manner == "slow")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError(2, "No such file or directory", "/x"), "no such file"),
        (IsADirectoryError(21, "Is a directory", "/x"), "Is a directory"),
        (TimeoutError(), "no answer in time"),
        (AssertionError(), "AssertionError"),
        (ValueError("one\ntwo\nin file /x"), "ValueError: one two"),
        (OSError("expected\nreceived\nfor file path /x"), "OSError: expected received"),
        (ValueError("x" * 300), "ValueError: " + "x" * 185 + "..."),
    ],
)
def test_reason(error, expected):
    assert reason(error) == expected
