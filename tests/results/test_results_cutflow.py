from __future__ import annotations

from io import StringIO

from rich.console import Console

from tau3mu.outputs import cutflow_table
from tau3mu.outputs.cutflow import cutflow_rows, cutflow_text, with_cuts

EXPECTED = """\
+-----------------------------------------------------------------------------+
| dataset         | step       | events | candidates | sumw | % prev |  % all |
|-----------------+------------+--------+------------+------+--------+--------|
| 2017B.v1-rereco | all        |   4000 |       5500 | 4000 | 100.00 | 100.00 |
|                 | hlt        |   1000 |       1200 | 1000 |  25.00 |  25.00 |
|                 | best [one] |    250 |        250 |  250 |  25.00 |   6.25 |
|-----------------+------------+--------+------------+------+--------+--------|
| ds_phipi_mc     | all        |      0 |          0 |    0 |        |        |
|                 | hlt        |      0 |          0 |    0 |        |        |
+-----------------------------------------------------------------------------+
"""


def test_text_shows_counts_and_efficiencies(cutflow):
    assert cutflow_text(cutflow) == EXPECTED


def test_table_prints_on_a_terminal(cutflow):
    output = StringIO()
    table = cutflow_table(cutflow, title="dsphipi [all]")
    Console(file=output, width=120).print(table)
    lines = output.getvalue().splitlines()
    assert lines[0].strip() == "dsphipi [all]"
    assert any("best [one]" in line and "6.25" in line for line in lines)


def test_a_narrow_terminal_shows_all_digits(cutflow):
    output = StringIO()
    Console(file=output, width=60).print(cutflow_table(cutflow))
    (line,) = (line for line in output.getvalue().splitlines() if "5500" in line)
    assert line.endswith("│   4000 │       5500 │ 4000 │ 100.00 │ 100.00 │")


def test_weights_are_shown_with_six_digits():
    steps = [{"name": "all", "events": 3, "candidates": 3, "sumw": 2.87654321}]
    assert "| 2.87654 |" in cutflow_text({"mc": steps})


def test_no_datasets_no_rows():
    assert "dataset" in cutflow_text({})


def test_rows_of_cuts_stand_before_their_step_with_efficiencies_of_their_own():
    def row(name, events, **more):
        return {"name": name, "events": events, "candidates": events, "sumw": events, **more}

    cuts = [row("chi2", 80), row("mass", 20)]
    steps = [row("all", 100), row("vertex", 20, cuts=cuts), row("phi", 5)]
    text = cutflow_text(with_cuts({"data": steps}))
    cells = [[cell.strip() for cell in line.split("|")[2:8]] for line in text.splitlines()]
    shown = {line[0]: (line[1], *line[4:]) for line in cells if len(line) == 6}
    assert list(shown)[1:] == ["all", "- chi2", "- mass", "vertex", "phi"]
    assert shown["- chi2"] == ("80", "80.00", "80.00")
    assert shown["- mass"] == ("20", "25.00", "20.00")
    assert shown["vertex"] == ("20", "20.00", "20.00")
    assert shown["phi"] == ("5", "25.00", "5.00")


def test_efficiencies_of_certified_data_are_those_of_certified_events():
    steps = [
        {"name": name, "events": events, "candidates": events, "sumw": float(events)}
        for name, events in (("all", 200), ("certified", 50), ("pt", 10))
    ]
    rows = cutflow_rows(steps)
    assert [row["total"] for row in rows] == [None, 100, 20]
    assert [row["previous"] for row in rows] == [100, 25, 20]
    rows = cutflow_rows([steps[0], steps[2]])
    assert [row["total"] for row in rows] == [100, 5]
