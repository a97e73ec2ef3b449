"""Which of several layouts a tree is taken to have."""

from __future__ import annotations

import pytest
from errors import raises

from tau3mu.ntuples import detection
from tau3mu.ntuples.detection import detect_layout
from tau3mu.ntuples.layout import layout, layouts, own_layout

FILE = ["run", "luminosityBlock", "event", "genWeight", "Muon_pt", "Muon_eta", "Muon_phi"]
MENU = [f"HLT_Path{i}" for i in range(300)]
ROWS = """\
run\tuint32\trun
luminosityBlock\tuint32\tlumi
event\tuint64\tevent
genWeight\tfloat32\tgen_weight
Muon_pt\tvar * float32\tmuon.pt
Muon_eta\tvar * float32\tmuon.eta
Muon_phi\tvar * float32\tmuon.phi
"""


@pytest.fixture
def with_tables(monkeypatch, tmp_path):
    """Adds tables to the shipped ones; each is a list of rows."""

    def add(**tables):
        known = {name: layouts()[name] for name in ("nano", "t3m")}
        for name, rows in tables.items():
            path = tmp_path / f"{name}.tsv"
            head = "#tree\tEvents\nbranch\ttype\tview\tmissing\n"
            path.write_text(head + rows)
            known[name] = layout(own_layout(str(path)))
        monkeypatch.setattr(detection, "known_layouts", lambda: known)
        detection._detected.cache_clear()

    yield add
    detection._detected.cache_clear()


def test_the_menu_of_triggers_does_not_count(with_tables):
    with_tables(mine=ROWS)
    asked = {"run", "muon.pt", "gen_weight"}
    assert detect_layout([*FILE, *MENU], asked).name == "mine.tsv"
    assert detect_layout([*FILE, *MENU, "HLT_X", "L1_X"], asked).name == "mine.tsv"
    assert detect_layout(MENU) is None


def test_a_layout_that_lacks_a_column_gives_way_to_one_that_knows_fewer_branches(with_tables):
    few = "run\tuint32\trun\ngenWeight\tfloat32\tgen_weight\nMuon_pt\tvar * float32\tmuon.pt\n"
    with_tables(few=few)
    assert detect_layout(FILE, {"run", "gen_weight"}).name == "few.tsv"
    assert detect_layout(FILE, {"run", "muon.pt", "muon.eta"}).name == "nano"
    # `nano` has a row for the column, but the tree lacks the branch.
    assert detect_layout(FILE, {"gen_weight", "triplet.mass"}).name == "nano"


@pytest.mark.parametrize("columns", [(), ("run", "muon.pt")])
def test_layouts_that_fit_as_well_are_an_error_that_names_them(with_tables, columns):
    with_tables(mine=ROWS, other=ROWS.replace("muon.pt", "muon.x").replace("muon.eta", "muon.pt"))
    with raises("ntuples.ambiguous-layout", mentions=("mine.tsv (7", "other.tsv (7", "--layout")):
        detect_layout([*FILE, *MENU], columns)


def test_layouts_that_read_the_same_need_no_choice(with_tables):
    with_tables(mine=ROWS)
    assert detect_layout(FILE, {"run", "lumi"}).name == "mine.tsv"


def test_a_trigger_asked_for_needs_a_row(with_tables):
    with_tables(mine=ROWS)
    assert detect_layout([*FILE, *MENU], {"run", "hlt.HLT_Path1_v"}).name == "nano"
    with raises("ntuples.no-triggers", path="hlt.HLT_Path1_v"):
        detection.known_layouts()["mine"].resolve(["hlt.HLT_Path1_v"], FILE)
