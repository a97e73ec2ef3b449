"""Mistakes in layout tables, each with its place."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from errors import raises

from tau3mu.datasets import load_datasets
from tau3mu.errors import InputError
from tau3mu.ntuples.layout import layout, layouts, own_layout

GOOD = """\
#tree\tEvents
#pad\tmuon.pt\t-99
# a comment
branch\ttype\tview\tmissing
run\tuint32\trun
Muon_pt\tvar * float32\tmuon.pt\t-99 -999
Muon_tight\tvar * float32\tmuon.tight\tflag
nGood\tvar * int32\tn_good\tfirst
HLT_*\tuint8\thlt.*\tflag
"""


@pytest.fixture
def write(tmp_path):
    def table(content):
        path = tmp_path / "mine.tsv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return table


@pytest.mark.parametrize(
    "content", [GOOD, GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD, GOOD.replace("\n", "\r")]
)
def test_line_ends_and_a_byte_order_mark_do_not_matter(write, content):
    table = layout(own_layout(str(write(content))))
    assert (table.name, table.tree, table.pad_view, table.pad_value) == (
        "mine.tsv", "Events", "muon.pt", -99.0,
    )  # fmt: skip
    assert table.by_name["Muon_pt"].missing == (-99.0, -999.0)
    assert table.by_name["Muon_tight"].flag
    assert table.by_name["nGood"].first
    assert len(table.branches) == 5


def test_the_text_of_a_table_gives_the_same_rows_anywhere(write):
    text = own_layout(str(write(GOOD)))
    assert own_layout(str(write("#tree" + GOOD.removeprefix("#tree")))) == text
    part = layout(layout(text).reference(["run", "HLT_Mu3"]))
    assert [row.name for row in part.branches] == ["run", "Muon_pt", "HLT_*"]
    assert part.find("HLT_Mu3") == layout(text).find("HLT_Mu3")
    assert (part.find("HLT_Mu3").type, part.find("HLT_Mu3").flag) == ("uint8", True)
    assert layouts()["t3m"].reference(["run"]) == "t3m"


@pytest.mark.parametrize(("kind", "flag"), [("uint8", True), ("float32", True), ("bool", False)])
def test_triggers_stored_as_numbers_are_flags_without_a_word(write, kind, flag):
    table = layout(own_layout(str(write(GOOD.replace("uint8\thlt.*\tflag", f"{kind}\thlt.*")))))
    assert table.find("HLT_Mu3").flag == flag


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        ("#tree\t", "#tree ", "1:6", "#tree<TAB>NAME"),
        ("#tree\tEvents\n", "", "1:1", "#tree is missing"),
        ("#pad\tmuon.pt\t-99", "#pad\tmuon.pt", "2:6", "#pad<TAB>COLUMN<TAB>VALUE"),
        ("#pad\tmuon.pt\t-99", "#pad\tmuon.pt\tnone", "2:14", "'none'"),
        ("#pad\tmuon.pt", "#pad\tmuon.ptt", "2:6", "'muon.pt'"),
        ("#pad\tmuon.pt", "#pad\trun", "2:6", "'run'"),
        ("# a comment", "#layuot\tx", "3:1", "'#layuot'"),
        ("# a comment", "#pad\trun\t1", "3:1", "line 2"),
        ("branch\ttype\tview\tmissing\n", "", "4:1", "'branch'"),
        ("type\tview", "type view", "4:8", "'type view'"),
        ("view\tmissing", "view\tmising", "4:18", "'mising'"),
        ("\tview\tmissing", "", "4:8", "view"),
        ("run\tuint32\trun", "run     uint32  run", "5:1", "1 cells"),
        ("run\tuint32\trun", "run\tuint32\trun\t1\t2", "5:18", "5 cells"),
        ("run\tuint32\trun", "run\tuint31\trun", "5:5", "'uint32'"),
        ("var * float32\tmuon.pt", "var*float32\tmuon.pt", "6:9", "'var*float32'"),
        ("run\tuint32\trun", "run\tuint32\t2run", "5:12", "'2run'"),
        ("run\tuint32\trun", "run\tvar * uint32\trun", "5:18", "first"),
        ("run\tuint32\trun", "run\tuint32\tmuon.run", "6:23", "'muon.run'"),
        ("run\tuint32\trun", "run\tuint32\tn_good", "8:19", "line 5"),
        ("nGood", "Muon_pt", "8:1", "line 6"),
        ("\tmuon.tight", "\tmuon.pt.x", "7:26", "'muon.pt'"),
        ("-99 -999", "-99 flog", "6:35", "'flag'"),
        ("uint32\trun", "string\trun\t-1", "5:16", "string"),
        ("uint8\thlt.*", "string\thlt.*", "9:14", "'hlt.*'"),
        ("HLT_*\tuint8\thlt.*", "HLT_*\tuint8\tmuon.hlt", "9:13", "NAME_*"),
        ("HLT_*\tuint8\thlt.*", "HLT\tuint8\thlt.*", "9:11", "NAME_*"),
        ("HLT_*\tuint8\thlt.*\tflag", "names\tvar * string\thlt.name", "9:20", "hlt.decision"),
        ("run\tuint32\trun", "run\tuint32\traw.x", "5:12", "raw.run"),
        ("muon.tight\tflag", "muon.index", "7:26", "'muon.index'"),
    ],
)  # fmt: skip
def test_a_slip_has_file_line_and_column(write, old, new, place, what):
    assert GOOD.count(old) == 1
    path = write(GOOD.replace(old, new))
    with raises("ntuples.bad-table", path=f"mine.tsv:{place}") as error:
        own_layout(str(path))
    found = [line for line in str(error.value).splitlines() if f"{path}:{place}: " in line]
    assert len(found) == 1
    assert what in found[0]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (GOOD.encode().replace(b"# a comment", b"# caf\xe9"), "3:6"),
        (GOOD.replace("# a comment", "# ä").encode("latin1"), "3:3"),
        ("# é\r\nx".encode() + b"\xff", "2:2"),
        (b"", "1:1"),
        (b"\x00\x01", "1:1"),
    ],
)
def test_bytes_that_are_no_table(write, content, place):
    path = write(content)
    with pytest.raises(InputError) as error:
        own_layout(str(path))
    assert f"{path}:{place}: " in str(error.value)


def test_all_slips_come_in_one_message_and_no_more_than_a_screen(write):
    rows = "".join(f"b{i}\tfloat\tb{i}\n" for i in range(50))
    with raises("ntuples.bad-table") as error:
        own_layout(str(write(GOOD + rows)))
    lines = str(error.value).splitlines()
    assert len(lines) == 21
    assert "30 more" in lines[-1]


@pytest.mark.parametrize("name", ["absent.tsv", "folder.tsv", "null\0.tsv", "pipe.tsv"])
def test_a_table_that_cannot_be_read(tmp_path, name):
    (tmp_path / "folder.tsv").mkdir()
    os.mkfifo(tmp_path / "pipe.tsv")
    with pytest.raises(InputError, match=r"\.tsv"):
        own_layout(name, tmp_path)


def test_a_table_lies_beside_the_dataset_file_that_names_it(tmp_path, write):
    write(GOOD)
    sets = tmp_path / "sets.json"
    sets.write_text('{"d": {"files": ["x.root"], "metadata": {"layout": "mine.tsv"}}}')
    [dataset] = load_datasets(sets)
    assert layout(dataset.layout).name == "mine.tsv"
    sets.write_text('{"d": {"files": ["x.root"], "metadata": {"layout": "nanno"}}}')
    with raises(
        "ntuples.unknown-layout", path="d.metadata.layout", mentions=("sets.json", "'nano'")
    ):
        load_datasets(sets)


def test_the_table_of_the_manual_is_one(write):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "new-layout.md").read_text()
    table = layout(own_layout(str(write(re.search(r"```text title=.*\n([^`]*)```", page)[1]))))
    assert table.find("Trigger_HLT_Mu3").view == "hlt.Trigger_HLT_Mu3"
    assert table.by_view["muon.soft_mva"].missing == (-99.0, -999.0)
