"""Own decoding, switched on and off: the same arrays of all files and layouts."""

from __future__ import annotations

import logging
import subprocess
import sys

import awkward as ak
import pytest
import uproot

from tau3mu.datasets import check_files, dataset_from_files, make_chunks
from tau3mu.generate import generate
from tau3mu.ntuples import fast, read_events
from tau3mu.ntuples.fields import field_types, read_fields
from tau3mu.ntuples.layout import layout
from tau3mu.ntuples.open_files import close_files, open_file
from tau3mu.processors import DsPhiPi


@pytest.fixture
def plain(monkeypatch):
    """Switches own decoding off for this test."""
    monkeypatch.setenv("TAU3MU_FAST", "0")
    fast._own_decoding.cache_clear()
    close_files()
    yield
    close_files()
    fast._own_decoding.cache_clear()


@pytest.fixture(scope="module")
def samples(tmp_path_factory, demo, skim):
    """The first file of each kind: path and tree."""
    folder = tmp_path_factory.mktemp("samples")
    toys = [
        (generate(folder / name, events=40, layout=name)[0], layout(name).tree)
        for name in ("t3m", "nano")
    ]
    return [*((path, "Tree3Mu/ntuple") for path in (*demo, *skim)), *toys]


def content(samples, start, stop):
    """Returns types and arrays of all branches of all files."""
    found = []
    for path, tree in samples:
        with open_file(str(path), lambda _: True) as file:
            ntuple = file.root_directory[tree]
            names = frozenset(ntuple.keys(recursive=False))
            types = field_types(ntuple, sorted(names))
            found.append((types, read_fields(ntuple, names, start, min(stop, ntuple.num_entries))))
    return found


@pytest.mark.integration
def test_both_ways_give_the_same_arrays_of_all_files_and_layouts(samples, request):
    own = content(samples, 3, 1037)
    request.getfixturevalue("plain")
    standard = content(samples, 3, 1037)
    assert len(own) == 6
    for (types, arrays), (other_types, others) in zip(own, standard, strict=True):
        assert types == other_types
        assert arrays.keys() == others.keys()
        for name, array in arrays.items():
            expected = others[name]
            assert array.type == expected.type, name
            assert ak.array_equal(array, expected, equal_nan=True), name


def test_both_ways_select_the_same_candidates(demo, request):
    def select():
        processor = DsPhiPi()
        dataset = dataset_from_files([str(path) for path in demo])
        chunks = make_chunks(check_files([dataset], processor.columns), [dataset], 2500)
        where = ("tree", "layout", "branches", "start", "stop", "uuid", "metadata")
        events = [
            read_events((c.path,), **{name: getattr(c, name) for name in where}).events
            for c in chunks
        ]
        raw = [part.raw.triplet.vertex_chi2.to_list() for part in events]
        fired = [
            {name: part.hlt[name].to_numpy().tolist() for name in part.hlt.fields}
            for part in events
        ]
        return raw, [part.triplet.to_list() for part in events], fired

    own = select()
    request.getfixturevalue("plain")
    assert select() == own


def test_the_switch_turns_own_decoding_off(plain, demo):
    assert fast.branch_classes(lambda _: True) is None
    with open_file(str(demo[0]), lambda name: name == "MuonPt") as file:
        branch = file.root_directory["Tree3Mu/ntuple"]["MuonPt"]
        assert type(branch.interpretation) is uproot.AsJagged


@pytest.mark.parametrize(
    "gone",
    [
        "uproot.models.TBasket._tbasket_format1",
        "uproot.compression._DecompressZLIB",
        "uproot.compression._decompress_ZLIB",
        "uproot.models.TBranch.Model_TBranchElement_v10",
        "uproot.const.kIsReferenced",
    ],
)
def test_without_a_private_name_uproot_reads_alone(demo, gone):
    module, _, name = gone.rpartition(".")
    program = (
        "import logging, sys; logging.basicConfig(stream=sys.stdout)\n"
        f"import uproot, {module} as module; del module.{name}\n"
        "from tau3mu.ntuples.open_files import open_file\n"
        "from tau3mu.ntuples.fast import branch_classes\n"
        "assert branch_classes(lambda name: True) is None\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" in done.stdout
    assert name in done.stdout


def test_nothing_is_said_when_all_names_are_there(demo, caplog):
    fast._own_decoding.cache_clear()
    with caplog.at_level(logging.DEBUG, logger="tau3mu"):
        assert fast.branch_classes(lambda _: True) is not None
    assert not caplog.records
