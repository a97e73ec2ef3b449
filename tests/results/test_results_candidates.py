from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

from tau3mu.errors import InputError, RunError
from tau3mu.outputs import candidates as module
from tau3mu.outputs import load_candidates
from tau3mu.outputs.candidates import write_candidates

FORMATS = pytest.mark.parametrize("fmt", ["root", "parquet"])


def assert_identical(loaded, written):
    assert loaded.fields == written.fields
    assert str(loaded.type) == str(written.type)
    assert ak.array_equal(loaded, written, dtype_exact=True)


@FORMATS
def test_read_back_exactly(tmp_path, candidates, fmt):
    write_candidates(tmp_path, candidates, fmt=fmt)
    loaded = load_candidates(tmp_path)
    assert_identical(loaded, candidates)
    assert (
        str(loaded.type.content)
        .replace(" ", "")
        .startswith(
            "{dataset:string,file:string,run:uint32,lumi:uint32,event:uint64,triplet:int32,mass:float64"
        )
    )
    assert loaded.event[3] == 2**63 + 3
    assert loaded.dataset[-1] == "ds_phipi_mc"
    assert [file.name for file in tmp_path.iterdir()] == [f"candidates.{fmt}"]


@FORMATS
def test_no_candidates_have_the_same_columns(tmp_path, no_candidates, fmt):
    assert len(no_candidates) == 0
    write_candidates(tmp_path, no_candidates, fmt=fmt)
    assert_identical(load_candidates(tmp_path), no_candidates)


@FORMATS
def test_unusual_strings_and_other_number_types(tmp_path, fmt):
    columns = {
        "dataset": ak.Array(["", "a.b-c", "Σ" * 200, "x" * 300]),
        "is_global": np.array([True, False, True, True]),
        "bdt": np.array([0.25, np.nan, -np.inf, 1e-40], dtype=np.float32),
        "n_tracks": np.array([-128, 127, 0, 1], dtype=np.int8),
        "bits": np.array([0, 2**16 - 1, 1, 2], dtype=np.uint16),
        "offset": np.array([-(2**63), 2**63 - 1, 0, 1]),
    }
    written = ak.zip(columns, depth_limit=1)
    write_candidates(tmp_path, written, fmt=fmt)
    loaded = load_candidates(tmp_path)
    assert str(loaded.type) == str(written.type)
    assert ak.array_equal(loaded, written, dtype_exact=True, equal_nan=True)


def test_the_tree_is_a_ttree_with_real_strings(tmp_path, candidates):
    write_candidates(tmp_path, candidates, fmt="root")
    with uproot.open(tmp_path / "candidates.root") as file:
        assert file.classnames() == {"candidates;1": "TTree"}
        names = file["candidates"].typenames()
    assert list(names) == candidates.fields
    assert names["dataset"] == names["file"] == "char*"
    assert [names[name] for name in ("run", "lumi", "event", "triplet", "mass")] == [
        "uint32_t",
        "uint32_t",
        "uint64_t",
        "int32_t",
        "double",
    ]


def test_many_rows_go_into_several_baskets(tmp_path, candidates, monkeypatch):
    monkeypatch.setattr(module, "_BASKET_ROWS", 120)
    write_candidates(tmp_path, candidates, fmt="root")
    assert_identical(load_candidates(tmp_path), candidates)
    with uproot.open(tmp_path / "candidates.root") as file:
        assert file["candidates/mass"].num_baskets == 5


@FORMATS
def test_missing_numbers_become_nan(tmp_path, fmt):
    written = ak.zip(
        {
            "mass": ak.Array([1.7, None, 1.9]),
            "bdt": ak.values_astype(ak.Array([None, 0.5, 0.25]), np.float32),
            "n": ak.mask(ak.Array([1, 2, 3]), [True, True, True]),
        },
        depth_limit=1,
    )
    write_candidates(tmp_path, written, fmt=fmt)
    loaded = load_candidates(tmp_path)
    assert str(loaded.type) == "3 * {mass: float64, bdt: float32, n: int64}"
    np.testing.assert_array_equal(ak.to_numpy(loaded.mass), [1.7, np.nan, 1.9])
    np.testing.assert_array_equal(ak.to_numpy(loaded.bdt), np.float32([np.nan, 0.5, 0.25]))
    assert loaded.n.tolist() == [1, 2, 3]


@FORMATS
@pytest.mark.parametrize(
    ("column", "message"),
    [
        (ak.Array([[1.0], []]), r"column 'x' has the type var \* float64; expected one value"),
        (ak.Array([{"pt": 1.0}, {"pt": 2.0}]), r"column 'x' has the type {pt: float64}"),
        (ak.Array([1, None]), r"column 'x' \(\?int64\) has missing values; only floats may"),
    ],
)
def test_refuses_what_is_no_column(tmp_path, fmt, column, message):
    with pytest.raises(RunError, match=message):
        write_candidates(tmp_path, ak.zip({"x": column}, depth_limit=1), fmt=fmt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["root", "parquet"])
def test_refuses_other_files(tmp_path, suffix):
    file = tmp_path / f"candidates.{suffix}"
    file.write_text("neither ROOT nor parquet, but long enough to look at")
    with pytest.raises(InputError, match=rf"cannot read candidates from .*candidates\.{suffix}"):
        load_candidates(tmp_path)


def test_refuses_a_root_file_without_candidates(tmp_path):
    with uproot.recreate(tmp_path / "candidates.root") as file:
        file.mktree("events", {"x": "int32"})
    with pytest.raises(InputError, match=r"cannot read candidates from .*candidates\.root"):
        load_candidates(tmp_path)
