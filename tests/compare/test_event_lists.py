"""Lists of events of other groups, and the steps at which their events are lost."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from errors import raises

import tau3mu
from tau3mu.compare import compare, read_event_list
from tau3mu.train.__main__ import main

COLUMNS = ["run", "lumi", "evt", "triplet", "mass", "vertex_chi2"]


@pytest.fixture(scope="module")
def intended(oracle):
    """What a program in C++ selects in the demo, as it wrote it."""
    with (oracle / "dsphipi_demo_intended_events.csv").open() as file:
        return list(csv.reader(file))


@pytest.fixture
def write(tmp_path):
    def make(rows, name="events.csv", separator=","):
        path = tmp_path / name
        path.write_text("".join(separator.join(row) + "\n" for row in rows))
        return path

    return make


def test_the_events_of_another_program_are_ours(base, intended, write):
    found = compare(base, write([COLUMNS, *intended[1:]]))
    assert found.same
    (rows,) = found.candidates
    assert (rows.rows, rows.common, rows.keys) == ((1480, 1480), 1480, ("run", "lumi", "event"))


def test_what_is_missing_added_and_different_is_named(base, intended, write):
    rows = [list(row) for row in intended[1:]]
    gone = rows.pop(3)
    rows[10][4] = "1.9999"
    rows[20][3] = "9"
    rows.append(["297057", "1", "1", "0", "1.9", "1.0"])
    (found,) = compare(base, write([COLUMNS, *rows])).candidates
    assert {name: values.tolist() for name, values in found.only_a.items()} == {
        name: [int(text)] for name, text in zip(("run", "lumi", "event"), gone, strict=False)
    }
    assert found.only_b["event"].tolist() == [1]
    columns = {column.name: column for column in found.columns}
    assert (columns["mass"].rows, columns["mass"].b) == (1, 1.9999)
    assert (columns["triplet"].rows, columns["triplet"].b) == (1, 9.0)
    assert list(columns) == ["triplet", "mass"]


def test_values_are_compared_within_the_digits_that_are_given(base, intended, write):
    right = ("1.97", "2", "1.96986e0", "1.97e0", "1.9698")  # the last one is cut off
    wrong = ("1.97197", "1.96988", "3")
    for text, same in [*((one, True) for one in right), *((one, False) for one in wrong)]:
        row = [*intended[1][:4], text, intended[1][5]]
        found = compare(base, write([COLUMNS, row, *intended[2:]]))
        assert found.same is same, text


@pytest.mark.parametrize(
    ("header", "separator"),
    [
        ("run,luminosityBlock,event", ","),
        ("Run;LS;Evt", ";"),
        ("runNumber\tlumi_section\teventNumber", "\t"),
        ("# run lumi event", " "),
        ("run:lumi:event", ":"),
        ("| run | ls | evt |", "|"),
        ("", " "),
    ],
)
def test_usual_spellings_and_separators_are_known(write, header, separator):
    lines = [[header]] if header else []
    numbers = [["297057", "1", "7"], ["297057", "2", "9007199254740993"]]
    listed = read_event_list(write([*lines, *numbers], separator=separator))
    assert {name: values.tolist() for name, values in listed.numbers.items()} == {
        "run": [297057, 297057],
        "lumi": [1, 2],
        "event": [7, 9007199254740993],
    }


@pytest.mark.parametrize(
    ("rows", "code", "line"),
    [
        ([["run", "lumi"], ["1", "2"]], "compare.no-event-list", ""),
        ([["run", "lumi", "event"], ["1", "2", "3"], ["1", "2"]], "compare.bad-row", ":3"),
        ([["run", "lumi", "event"], ["1", "2", "3.5"]], "compare.bad-row", ":2"),
        ([["run", "lumi", "event"], [], ["1", "-2", "3"]], "compare.bad-row", ":3"),
        ([["run", "lumi", "event"], ["1", "2", "99999999999999999999"]], "compare.bad-row", ":2"),
        ([["run", "lumi", "event", "ls"], ["1", "2", "3", "4"]], "compare.repeated-column", ""),
        ([["run", "lumi", "event", "mass"], ["297057", "1", "7", "x"]], "compare.bad-row", ":2"),
        ([], "compare.no-event-list", ""),
        ([["run", "lumi", "event"], ["1", "2", "9" * 5_000]], "compare.bad-row", ":2"),
        ([["run", "lumi", "event"], ["1", "2", "9" * 200_000]], "compare.bad-row", ":2"),
    ],
)
def test_bad_lists_are_errors_that_name_the_line(base, write, rows, code, line):
    path = write(rows)
    with raises(code, path=f"{path.name}{line}"):
        compare(base, path)


def test_several_processors_need_a_choice(base, tmp_path, write, intended):
    both = [tau3mu.DsPhiPi(), tau3mu.DsPhiPi(name="loose", flight_significance=1.5)]
    tau3mu.run("demo", both, no_fit=True, output=tmp_path / "two")
    events = write([COLUMNS, *intended[1:]])
    with raises("compare.several-processors"):
        compare(tmp_path / "two", events)
    assert compare(tmp_path / "two" / "dsphipi", events).same
    with raises("compare.list-first"):
        compare(events, base)


def test_events_that_only_others_have_are_followed_through_the_cutflow(base, oracle, tmp_path):
    """The selection of a notebook against the intended one: which cut loses each event."""
    listed = read_event_list(oracle / "dsphipi_demo_notebook_events.csv")
    output = tmp_path / "sync"
    assert main(["compare", str(base), str(listed.path), "--sync", "--output", str(output)]) == 1
    (found,) = compare(base, listed.path, sync=True).sync
    assert found.first.name == "acceptance: acceptance_mu1"
    lost = {step: number for side, step, number in found.lost()}
    assert sum(lost.values()) == len(listed) - 1480 == 1307
    by_step = {step.name: step.only_b for step in found.steps}
    assert (by_step["vertex: flight"], by_step["trigmatch: trigmatch_mu2"]) == (0, 1307)
    assert lost["acceptance: acceptance_mu1"] == by_step["acceptance: acceptance_mu1"]
    with (output / "dsphipi_sync.csv").open() as file:
        events = list(csv.DictReader(file))
    assert len(events) == 1307
    assert {row["lost_a"] for row in events} == set(lost)
    ours = {(int(r["run"]), int(r["lumi"]), int(r["event"])) for r in events}
    theirs = set(zip(*(listed.numbers[n].tolist() for n in listed.numbers), strict=True))
    assert ours < theirs


def test_an_event_that_was_not_read_is_told(base, write):
    path = write([["run", "lumi", "event"], ["1", "1", "1"], ["297057", "1", "7"]])
    (found,) = compare(base, path, sync=True).sync
    steps = dict(zip(found.events["run"].tolist(), found.events["lost_a"].tolist(), strict=True))
    assert steps[1] == "not read"
    assert np.count_nonzero(found.events["lost_b"] == "not listed") == 1479
    assert found.first.name == "all"


def test_a_list_without_events_has_none_of_ours(base, write):
    (found,) = compare(base, write([["run", "lumi", "event"]])).candidates
    assert (found.common, found.alone, found.events) == (0, (1480, 0), (1480, 0))


def test_rows_of_an_event_are_told_apart_by_their_position(base, write):
    """Two candidates of one event: without positions, they are matched in their order."""
    rows = [["297057", "1", "7", "0"], ["297057", "1", "7", "3"]]
    (found,) = compare(base, write([["run", "lumi", "event", "triplet"], *rows])).candidates
    assert (found.keys, found.common) == (("run", "lumi", "event", "triplet"), 1)
    assert found.only_b["triplet"].tolist() == [3]
    assert found.events == (1479, 0)
    (found,) = compare(
        base, write([["run", "lumi", "event"], *(row[:3] for row in rows)])
    ).candidates
    assert (found.common, found.alone[1], found.events) == (1, 1, (1479, 0))
