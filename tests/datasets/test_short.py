"""Short views: the same first entries of every file, with the luminosity that belongs to them."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import pytest
from errors import raises

import tau3mu
from tau3mu.datasets import Dataset, check_files, load_datasets, make_chunks
from tau3mu.datasets.checked import CheckedFile
from tau3mu.datasets.short import split_view, view_entries


def checked(path, entries, **facts):
    return CheckedFile("d", path, "t", "t3m", f"uuid-{path}", entries, (), **facts)


def test_names_of_views():
    assert split_view("demo@short:0.01") == ("demo", 0.01)
    assert split_view("a/b@c.json@short:1e-2") == ("a/b@c.json", 0.01)
    assert split_view("demo") == ("demo", 1.0)
    assert split_view("demo@short:1") == ("demo", 1.0)


@pytest.mark.parametrize("text", ["", "0", "0.0", "-0.1", "1.01", "nan", "inf", "x", "1_0", "1%"])
def test_bad_fractions(text):
    with raises("dataset.bad-fraction", path=f"demo@short:{text}"):
        load_datasets(f"demo@short:{text}")


@pytest.mark.parametrize("fraction", [0.0, -1.0, 1.5, math.nan])
def test_bad_fractions_of_objects(fraction):
    with raises("dataset.bad-fraction", path="d"):
        Dataset("d", {"/x.root": None}).short(fraction)


def test_view_of_a_view():
    with raises("dataset.view-of-view", path="d"):
        Dataset("d", {"/x.root": None}).short(0.1).short(0.1)


@pytest.mark.parametrize("entries", [0, 1, 2, 29, 30, 6000, 123_456_789])
def test_entries_are_rounded_up_and_nested(entries):
    fractions = ["1e-9", "0.001", "0.01", "0.05", "0.1", "0.3", "0.7", "0.99", "1"]
    found = [view_entries(entries, float(text)) for text in fractions]
    assert found == [math.ceil(Decimal(text) * entries) for text in fractions]
    assert found == sorted(found)
    assert found[-1] == entries


def test_chunks_are_of_every_file_and_luminosity_of_what_is_read():
    whole = Dataset("d", {"/a.root": None, "/b.root": None, "/c.root": None}, lumi=4.0)
    view = whole.short(0.01)
    assert (view.lumi, view.whole_lumi, view.name) == (None, 4.0, "d")
    files = [checked("/a.root", 1000), checked("/b.root", 1), checked("/c.root", 999)]
    chunks = make_chunks(files, [view], 6)
    ranges = [(chunk.path, chunk.start, chunk.stop) for chunk in chunks]
    assert ranges == [
        ("/a.root", 0, 5), ("/a.root", 5, 10), ("/b.root", 0, 1),
        ("/c.root", 0, 5), ("/c.root", 5, 10),
    ]  # fmt: skip
    assert {chunk.lumi for chunk in chunks} == {4.0 * 21 / 2000}
    assert {chunk.lumi for chunk in make_chunks(files, [whole], 5000)} == {4.0}
    larger = {
        (chunk.path, entry)
        for chunk in make_chunks(files, [whole.short(0.3)], 7)
        for entry in range(chunk.start, chunk.stop)
    }
    assert {(path, n) for path, start, stop in ranges for n in range(start, stop)} < larger


def test_luminosity_of_files_that_were_not_read():
    files = {"/a.root": None, "/b.root": None}
    details = {"/b.root": tau3mu.datasets.FileDetails(entries=3000)}
    one = [checked("/a.root", 1000)]
    unknown, known = (
        make_chunks(one, [Dataset("d", files, lumi=4.0, fraction=0.1, details=known)], 5000)
        for known in ({}, details)
    )
    assert [chunk.lumi for chunk in unknown] == [None]
    assert [chunk.lumi for chunk in known] == [4.0 * 100 / 4000]


def test_views_by_name_file_and_object(demo, tmp_path):
    columns = frozenset({"run"})
    path = tmp_path / "mine.json"
    content = {"mine": {"files": [str(p) for p in demo], "metadata": {"lumi": 2.0}}}
    path.write_text(json.dumps(content))
    shipped = tau3mu.datasets("demo@short:0.001")
    own = tau3mu.datasets(f"{path}@short:0.001")
    for views in (shipped, own, [tau3mu.datasets("demo")[0].short(0.001)]):
        chunks = make_chunks(check_files(views, columns), views, 10_000)
        assert [(chunk.start, chunk.stop) for chunk in chunks] == [(0, 6), (0, 6)]
    assert [dataset.name for dataset in own] == ["mine"]
    assert len(tau3mu.events(f"{path}@short:0.001", columns)) == 6


def test_views_of_ntuples_are_refused(demo):
    with raises("dataset.view-of-files", path="@short:0.1"):
        tau3mu.datasets(f"{demo[0]}@short:0.1")
