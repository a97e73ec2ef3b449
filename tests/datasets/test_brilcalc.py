"""Files of brilcalc as it writes them, against coffea's reader and by hand."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from coffea.lumi_tools import LumiData
from errors import raises

from tau3mu.datasets.brilcalc import read_brilcalc
from tau3mu.datasets.sections import (
    inside,
    keys_of,
    ranges_of,
    sections_in,
    sections_of,
    shown,
)

BY_SECTION = """\
#Data tag : 19v3 , Norm tag: None
#run:fill,ls,time,beamstatus,E(GeV),delivered(/ub),recorded(/ub),avgpu,source
297050:5704,1:1,06/18/17 21:33:20,STABLE BEAMS,6500,30412.520,29011.200,24.1,HFOC
297050:5704,2:2,06/18/17 21:33:43,STABLE BEAMS,6500,30400.000,30000.000,24.0,HFOC
297050:5704,3:0,06/18/17 21:34:06,STABLE BEAMS,6500,30300.000,0.000,24.0,HFOC
297056:5704,1:1,06/18/17 22:01:00,STABLE BEAMS,6500,20000.000,10000.000,20.0,PXL
#Summary:
#nfill,nrun,nls,ncms,totdelivered(/ub),totrecorded(/ub)
#1,2,4,3,111112.520,69011.200
#Check JSON:
#(run,ls) in json but not in results: [(297050, 4)]
"""
# What the exercise of CMS shows for run 325000.
BY_RUN = """\
#Data tag : 19v3 , Norm tag: None
#run:fill,time,nls,ncms,delivered(/ub),recorded(/ub)
325000:7324,10/21/18 08:03:56,376,371,100027429.112490401,95257794.416809484
325001:7324,10/21/18 10:03:56,10,10,2000000.0,1000000.0
#Summary:
#nfill,nrun,nls,ncms,totdelivered(/ub),totrecorded(/ub)
#1,1,376,371,100027429.112490401,95257794.416809484
"""


def write(tmp_path, text, name="lumi.csv"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["lumi.csv", "lumi.csv.gz"])
def test_sections(tmp_path, name):
    table = read_brilcalc(write(tmp_path, BY_SECTION, name))
    assert not table.by_run
    every = table.of(table.keys)
    assert every.recorded == pytest.approx(69011.2e-9, rel=1e-15)
    assert every.delivered == pytest.approx(111112.52e-9, rel=1e-15)
    some = sections_of([297050, 297050, 297056, 297050, 297050], [2, 2, 1, 4, 3])
    found = table.of(some)
    assert found.recorded == pytest.approx(40000e-9, rel=1e-15)  # each section once
    assert ranges_of(found.missing) == {"297050": [[4, 4]]}


def test_runs(tmp_path):
    table = read_brilcalc(write(tmp_path, BY_RUN))
    assert table.by_run
    found = table.of(sections_of([325000] * 3 + [325002], [4, 5, 900, 1]))
    assert found.recorded == pytest.approx(0.095257794416809484, rel=1e-15)
    assert ranges_of(found.missing) == {"325002": [[1, 1]]}


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("/ub", 1e-9), ("/nb", 1e-6), ("/pb", 1e-3), ("/fb", 1), ("/mb", 1e-12), ("/b", 1e-15),
     ("/kb", 1e-18), ("/ab", 1e3), ("1e30/cm2", 1e-9), ("1e39/cm2", 1.0), ("1e21/cm2", 1e-18)],
)  # fmt: skip
def test_units(tmp_path, unit, factor):
    table = read_brilcalc(write(tmp_path, BY_SECTION.replace("(/ub)", f"({unit})")))
    assert table.of(table.keys).recorded == pytest.approx(69011.2 * factor, rel=1e-14)


@pytest.mark.integration
def test_the_same_as_coffea(tmp_path):
    rng = np.random.default_rng(4)
    values = -np.sort(-rng.uniform(0.01, 0.5, (2, 300)).round(9), axis=0)  # delivered first
    lines = [
        f"{297050 + n // 100}:5704,{n % 100 + 1}:{n % 100 + 1},06/18/17 21:33:20,STABLE BEAMS,6500,"
        f"{a},{b},24.1,HFOC"
        for n, (a, b) in enumerate(values.T)
    ]
    text = "\n".join([BY_SECTION.splitlines()[1].replace("/ub", "/pb"), *lines])
    path = write(tmp_path, text)
    events = rng.integers(0, 300, 500)
    runs, lumis = (297050 + events // 100).astype("u4"), (events % 100 + 1).astype("u4")
    theirs = LumiData(str(path)).get_lumi(np.stack([runs, lumis], 1))
    ours = read_brilcalc(path).of(sections_of(runs, lumis))
    assert ours.recorded == pytest.approx(theirs * 1e-3, rel=1e-13)
    assert not len(ours.missing)


HEADER = BY_SECTION.splitlines()[1]
LINE = BY_SECTION.splitlines()[2]


@pytest.mark.parametrize(
    ("text", "code", "mentions"),
    [
        (BY_SECTION + BY_SECTION, "wrong-lines", ("297050:1",)),  # one after the other
        (f"{HEADER}\n{LINE}\n{LINE}\n", "wrong-lines", ("line 3", "line 2", "297050:1")),
        (f"{HEADER}\n{LINE.replace('29011.200', 'x')}\n", "wrong-lines", ("line 2",)),
        (f"{HEADER}\n{LINE.replace('29011.200', '-1')}\n", "wrong-lines", ("line 2",)),
        (f"{HEADER}\n{LINE.replace('29011.200', 'nan')}\n", "wrong-lines", ("line 2",)),
        (f"{HEADER}\n{LINE.replace('29011.200', '30413')}\n", "wrong-lines", ("line 2", "30413")),
        (f"{HEADER}\n{LINE.replace('1:1', 'a:1')}\n", "wrong-lines", ("line 2",)),
        (f"{HEADER}\n{LINE},1\n", "wrong-lines", ("line 2",)),
        (f"{LINE}\n", "no-header", ()),
        (f"{HEADER}\n", "no-lines", ()),
        (f"{HEADER}\n{LINE}".replace("recorded(/ub)", "rec"), "no-column", ("recorded",)),
        (f"{HEADER}\n{LINE}".replace("/ub", "hz/ub"), "unknown-unit", ("hz/ub",)),
        ("| run:fill | ls |\n", "no-csv", ()),
    ],
)
def test_files_that_cannot_be(tmp_path, text, code, mentions):
    path = write(tmp_path, text)
    with raises(f"luminosity.{code}", path=str(path), mentions=mentions):
        read_brilcalc(path)


def test_two_paths_in_a_file_are_an_error(tmp_path):
    header = "#run:fill,ls,time,hltpath,delivered(/ub),recorded(/ub)"
    line = "297050:5704,1:1,06/18/17 21:33:20,{},30.0,29.0"
    text = "\n".join([header, line.format("HLT_A_v1"), line.format("HLT_B_v1")])
    with raises("luminosity.wrong-lines", mentions="HLT"):
        read_brilcalc(write(tmp_path, text))


def test_sections_as_ranges():
    keys = sections_of([2, 1, 1, 1, 2**32 - 1], [5, 9, 1, 2, 2**32 - 1])
    assert ranges_of(keys) == {
        "1": [[1, 2], [9, 9]], "2": [[5, 5]], f"{2**32 - 1}": [[2**32 - 1] * 2]
    }  # fmt: skip
    assert np.array_equal(sections_in(ranges_of(keys)), keys)
    assert ranges_of(keys[:0]) == {}
    assert not len(sections_in({}))
    # The last section of a run and the first of the next are two ranges.
    assert ranges_of(keys_of([1, 2], [2**32 - 1, 0])) == {"1": [[2**32 - 1] * 2], "2": [[0, 0]]}
    assert shown(keys, 2) == "1: 1-2, 9; …"
    ranges = {1: ((1, 1), (8, 20)), 2: ((6, 7),)}
    assert inside(keys, ranges).tolist() == [True, False, True, False, False]
    assert not len(sections_of([None, 3], [1, -4]))
