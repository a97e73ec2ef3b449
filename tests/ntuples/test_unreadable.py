from __future__ import annotations

import random
from pathlib import Path

import aiohttp
import awkward as ak
import numpy as np
import pytest
import uproot
from remote_reading import chunk_of

from tau3mu.datasets import Chunk, Dataset, check_files, verify_checksum
from tau3mu.datasets.checksum import file_checksum
from tau3mu.datasets.contents import Asked
from tau3mu.datasets.inspection import FileJob, inspect_file
from tau3mu.execution import execute
from tau3mu.ntuples import ReadError, read_events
from tau3mu.ntuples.fast.vectors import _find_items
from tau3mu.ntuples.layout import layout
from tau3mu.ntuples.open_files import close_files
from tau3mu.processors import DsPhiPi
from tau3mu.storage.failures import is_defect, read_errors, reason

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


def raised(call, *arguments):
    with pytest.raises(read_errors()) as error:
        call(*arguments)
    return error.value


def raising(statement, module):
    """A function of a module of that name which does this."""
    names = {"__name__": module}
    exec(f"def function():\n    {statement}", names)
    return names["function"]


MISTAKES = ["nothing", "len(1)", "None.nothing", "assert 0", "raise NotImplementedError"]


@pytest.mark.parametrize("statement", MISTAKES)
@pytest.mark.parametrize(
    ("module", "ours"),
    [
        ("tau3mu.ntuples.x", True), ("tau3mu", True),
        ("tau3mu_of_others", False), ("uproot.x", False), ("__main__", False),
    ],
)  # fmt: skip
def test_a_mistake_is_a_defect_where_it_is_ours(statement, module, ours):
    """Otherwise uproot's way of saying that a file is damaged would end the run."""
    assert is_defect(raised(raising(statement, module))) == ours


def test_what_we_call_with_wrong_arguments_is_a_defect_and_what_it_calls_is_not():
    """The place where it was raised counts, not the calls that led there."""
    assert is_defect(raised(layout("t3m").resolve, None, []))
    assert not is_defect(raised(uproot.open, 1))
    through = {"__name__": "tau3mu.x", "open_": uproot.open}
    exec("def function():\n    open_(1)", through)
    assert not is_defect(raised(through["function"]))


def test_damage_that_this_package_finds_is_no_defect(demo_paths):
    """A damaged file would end the run rather than be left out."""
    damaged = raised(_find_items, np.array([11], dtype=np.int32), 11, 4)
    assert "the basket is damaged" in str(damaged)
    assert not is_defect(damaged)
    assert not is_defect(TypeError("never raised"))
    assert not is_defect(raised(raising("{}['x']", "tau3mu.x")))


@pytest.fixture
def defective(monkeypatch):
    """Takes a name from a module, as if it had been misspelt there."""
    close_files()

    def damage(module, name):
        monkeypatch.delattr(f"{module}.{name}")

    yield damage
    close_files()


def reading(chunk):
    return read_events(
        [chunk.path, "/nowhere/replica.root"], tree=chunk.tree, layout=chunk.layout,
        branches=chunk.branches, start=0, stop=100, uuid=chunk.uuid, metadata={},
    )  # fmt: skip


def test_a_defect_is_not_taken_for_a_damaged_file(defective, demo_paths):
    """The user would be told to mend a good file, and with --skip-bad-files lose it."""
    chunk = chunk_of(demo_paths[0])
    defective("tau3mu.ntuples.open_files", "open_file")
    with pytest.raises(NameError, match="open_file"):
        reading(chunk)
    with pytest.raises(NameError, match="open_file"):
        execute([chunk], [DsPhiPi()])


def test_a_defect_in_the_interpretation_is_found_below_uproot(monkeypatch, demo_paths):
    """uproot calls back: between our code and our mistake lies its own."""
    chunk = chunk_of(demo_paths[0])
    close_files()
    monkeypatch.setattr("tau3mu.ntuples.fast.vectors._find_items", lambda: None)
    with pytest.raises(TypeError, match="positional argument"):
        reading(chunk)
    close_files()


@pytest.mark.parametrize("name", ["open_file", "look_into"])
def test_a_defect_in_the_check_of_the_files(defective, demo_paths, name):
    """All files of a run would be set apart as unreadable."""
    defective("tau3mu.datasets.inspection", name)
    with pytest.raises(NameError, match=name):
        check_files([Dataset("d", {demo_paths[0]: None})], {"run"})


def test_a_defect_in_the_comparison_of_checksums(defective, demo_paths):
    """The file would count as damaged."""
    known = file_checksum(demo_paths[0])
    defective("tau3mu.datasets.checksum", "_blocks")
    with pytest.raises(NameError, match="_blocks"):
        verify_checksum(demo_paths[0], known)


@pytest.mark.parametrize("kind", ["ttree", "rntuple"])
def test_damage_anywhere_is_never_taken_for_a_defect(uproot_models, tmp_path, kind):
    """Bytes outside of the data lead uproot astray, which our code then has to deal with."""
    path = tmp_path / "x.root"
    write(path, kind, None)
    content = path.read_bytes()
    generator = random.Random(kind)
    outcomes, columns = set(), {"run", "muon.pt"}
    with uproot.open({path: None}) as file:
        uuid = str(file.file.uuid)
    chunk = Chunk("d", str(path), "Events", "nano", uuid, 0, 300, tuple(ARRAYS))
    for _ in range(100):
        damaged = bytearray(content)
        for _ in range(generator.choice([1, 1, 10])):
            damaged[generator.randrange(len(content))] = generator.randrange(256)
        path.write_bytes(damaged)
        close_files()
        inspect_file(FileJob("d", str(path), Asked(None, None, frozenset(columns))))
        try:
            reading(chunk)
        except ReadError as error:
            outcomes.add(error.kind)
    close_files()
    assert outcomes == {"bad_file"}
