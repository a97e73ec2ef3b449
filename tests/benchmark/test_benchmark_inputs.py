"""How much of a file an analysis needs, against sums over its baskets and pages."""

from __future__ import annotations

import pytest
import uproot

from measuring.inputs import _field_bytes, describe, make_copies, make_sample, sample_of
from tau3mu.datasets import check_files, dataset_from_files
from tau3mu.errors import RunError
from tau3mu.processors import DsPhiPi


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def toys(cache):
    def make(layout, files=1, events=50):
        return make_sample(
            cache, layout=layout, compression="zlib", events=events, files=files, workers=1
        )

    return make


def test_skims_as_root_writes_them(skim):
    first, second = describe([str(path) for path in skim])
    assert (first.layout, first.form) == ("t3m", "std::vector TTree")
    assert first.events == 1500
    assert first.size == skim[0].stat().st_size
    with uproot.open(skim[0]) as file:
        tree = file[first.tree]
        baskets = [sum(tree[name].member("fBasketBytes")) for name in first.branches]
    assert first.needed == sum(baskets)
    assert first.needed < 0.4 * first.size
    assert first.unpacked > first.needed
    both = sample_of([first, second])
    assert (both.files, both.events, both.needed) == (2, 3000, first.needed + second.needed)


def test_counts_of_flat_trees_are_needed_too(toys):
    (file,) = describe([str(path) for path in toys("nano")])
    assert (file.layout, file.form, file.compression) == ("nano", "TTree", "zlib-1")
    with uproot.open(file.path) as opened:
        tree = opened[file.tree]
        counts = sum(tree[name].compressed_bytes for name in ("nMuon", "nTrack", "nTriplet"))
        listed = sum(tree[name].compressed_bytes for name in file.branches)
    assert file.needed == listed + counts


def test_all_fields_of_an_rntuple_are_nearly_the_whole_file(toys):
    (path,) = toys("t3m", events=2000)
    (file,) = describe([str(path)])
    assert (file.layout, file.form, file.events) == ("t3m", "RNTuple", 2000)
    assert 0 < file.needed < file.size / 2
    with uproot.open(path) as opened:
        ntuple = opened["Tree3Mu/ntuple"]
        stored, unpacked = _field_bytes(ntuple, ntuple.keys(recursive=False))
        one, _ = _field_bytes(ntuple, ["MuonPt"])
        two, plain = _field_bytes(ntuple, ["MuonPt", "run"])
    assert 0.9 * file.size < stored < file.size
    assert unpacked > stored
    assert 0 < one < two < 0.01 * stored
    assert plain > 4 * 2000


def test_a_sample_is_made_once_and_is_the_same_elsewhere(toys, cache, tmp_path):
    first = toys("nano", files=2)
    made = [path.stat().st_mtime_ns for path in first]
    assert [path.stat().st_mtime_ns for path in toys("nano", files=2)] == made
    other = make_sample(tmp_path, layout="nano", compression="zlib", events=50, files=2, workers=2)
    for one, two in zip(first, other, strict=True):
        with uproot.open(one) as a, uproot.open(two) as b:
            masses = [file["Events"]["Triplet_mass"].array().to_list() for file in (a, b)]
        assert masses[0] == masses[1]
    assert not list(cache.glob(".*")), "no part is left"


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot write .*file"):
        make_sample(
            tmp_path / "file", layout="nano", compression="zlib", events=1, files=1, workers=1
        )


def test_copies_count_as_files_of_their_own(toys, tmp_path):
    (source,) = toys("nano")
    copies = make_copies(source, tmp_path / "copies", 3)
    checked = check_files([dataset_from_files([str(path) for path in copies])], DsPhiPi.columns)
    assert [file.entries for file in checked] == [50, 50, 50]
    assert len({file.uuid for file in checked}) == 3
