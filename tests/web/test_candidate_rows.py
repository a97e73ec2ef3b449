"""Pages of candidates equal what a slow reading of the whole file gives, in any order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from errors import raises

from tau3mu.outputs.candidates import load_candidates, write_candidates
from tau3mu.web import candidate_rows
from tau3mu.web.candidate_rows import candidates_page

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 67


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of many segments, of which some hold no row of a page."""
    monkeypatch.setattr(candidate_rows, "_SEGMENT", 20)


@pytest.fixture(params=["root", "parquet", "groups"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Candidates with numbers of all kinds, texts, equal values and missing ones."""
    random = np.random.default_rng(5)
    mass = random.integers(0, 9, ROWS) / 8
    mass[random.random(ROWS) < 0.2] = np.nan
    columns = {
        "name": ak.Array([f"μ{n}" for n in random.integers(0, 12, ROWS)]),
        "event": random.permutation(ROWS).astype(np.uint64) + np.uint64(2**63),
        "mass": mass,
        "small": random.normal(size=ROWS).astype(np.float32),
        "good": random.random(ROWS) < 0.5,
        "charge": random.integers(-1, 2, ROWS),
    }
    if request.param != "groups":
        write_candidates(tmp_path, ak.Array(columns), fmt=request.param)
        return tmp_path / f"candidates.{request.param}"
    plain: dict[str, Any] = {
        name: pa.array(column.tolist() if name == "name" else np.asarray(column))
        for name, column in columns.items()
    }
    plain["charge"] = [None if n % 7 == 0 else n % 3 for n in range(ROWS)]
    plain["name"] = [None if n == 4 else text for n, text in enumerate(plain["name"].to_pylist())]
    path = tmp_path / "candidates.parquet"
    pq.write_table(pa.table(plain), path, row_group_size=13)
    return path


def slow(file: Path) -> list[dict[str, Any]]:
    """Returns all rows, with None for what is missing."""
    if file.suffix == ".parquet":
        rows = pq.read_table(file).to_pylist()
    else:
        rows = load_candidates(file).to_list()
    return [{name: None if isinstance(value, float) and math.isnan(value) else value
             for name, value in row.items()} for row in rows]  # fmt: skip


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", ["", "name", "event", "mass", "small", "good", "charge"])
def test_pages_equal_a_slow_sort(file: Path, sort: str, descending: bool) -> None:
    expected = slow(file)
    if sort:
        there = [row for row in expected if row[sort] is not None]
        absent = [row for row in expected if row[sort] is None]
        there.sort(key=lambda row: row[sort], reverse=descending)
        expected = there + absent
    found: list[list[Any]] = []
    for number in range(1, 4):
        page = candidates_page(file, number, 25, sort, descending=descending)
        assert (page["total"], page["pages"], page["first"]) == (ROWS, 3, 25 * number - 24)
        found += page["rows"]
    names = [column["name"] for column in page["columns"]]
    assert names == list(expected[0])
    for row, other in zip(found, expected, strict=True):
        for name, value in zip(names, row, strict=True):
            if name == "small":
                assert np.float32(value) == np.float32(other[name])
            else:
                assert value == other[name]


def test_no_rows(tmp_path: Path) -> None:
    write_candidates(tmp_path, ak.Array({"mass": np.zeros(0)}), fmt="root")
    for sort in ("", "mass"):
        page = candidates_page(tmp_path / "candidates.root", 1, 100, sort)
        assert (page["total"], page["pages"], page["rows"]) == (0, 1, [])


def test_what_is_not_there(file: Path, tmp_path: Path) -> None:
    with raises("web.unknown-page", path="4"):
        candidates_page(file, 4, 25)
    with raises("web.unknown-column", path="mas", mentions="mass"):
        candidates_page(file, 1, 20, "mas")
    torn = tmp_path / f"torn{file.suffix}"
    torn.write_bytes(file.read_bytes()[:200])
    with raises("web.no-candidates", path=torn.name):
        candidates_page(torn, 1, 20)
