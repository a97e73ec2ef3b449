"""Both layouts: branch names, types, and that they hold the same."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from tau3mu.ntuples.layout import layout


@pytest.mark.parametrize(
    ("fixture", "name"), [("data", "t3m"), ("simulation", "t3m"), ("nano", "nano")]
)
def test_every_branch_of_the_layout_is_there_with_its_type(request, fixture, name):
    events = request.getfixturevalue(fixture)
    table = layout(name)
    types = {branch: str(events[branch].type.content) for branch in events.fields}
    for branch, row in table.by_name.items():
        assert types.pop(branch) == row.type, branch
    for branch, kind in types.items():
        row = table.find(branch)
        if row is None:
            assert (branch[0], kind) == ("n", "int32"), branch
        else:
            assert kind == row.type == "bool"


def test_nano_collections_share_one_count(nano):
    counted = {"nGenPart", "nMuon", "nTrack", "nTriplet", "nTrigObj2017", "nTrigObj2018"}
    assert counted < set(nano.fields)
    for name in layout("nano").by_name:
        collection = name.partition("_")[0]
        raw = layout("nano").by_name[name].view.startswith("raw.")
        count = f"n{name}" if raw else f"n{collection}"
        if count in nano.fields:
            assert ak.all(ak.num(nano[name]) == nano[count]), name
            assert raw or f"n{name}" not in nano.fields


def test_both_layouts_hold_the_same(data, nano):
    nano_rows = layout("nano").by_view
    compared = 0
    for view, row in layout("t3m").by_view.items():
        if view.startswith(("hlt.", "l1.")):
            continue
        values = data[row.name][:, 0] if row.first else data[row.name]
        other = nano[nano_rows[view].name]
        assert values.ndim == other.ndim
        if values.ndim > 1:
            assert ak.all(ak.num(values) == ak.num(other)), view
        assert ak.all(values == other), view
        compared += 1
    assert compared == 291


def test_both_layouts_hold_the_same_trigger_decisions(data, nano):
    """A trigger that is not on the menu of a run has not fired there."""
    for level, suffix in (("hlt", True), ("l1", False)):
        names = data[f"Trigger_{level}name"].to_list()
        decisions = data[f"Trigger_{level}decision"].to_list()
        fired = [
            {n.rpartition("_v")[0] if suffix else n for n, d in zip(*pair, strict=True) if d}
            for pair in zip(names, decisions, strict=True)
        ]
        flags = [name for name in nano.fields if name.startswith(f"{level.upper()}_")]
        assert len(flags) == {"hlt": 6, "l1": 9}[level]
        for flag in flags:
            expected = np.array([flag in event for event in fired])
            np.testing.assert_array_equal(nano[flag], expected, err_msg=flag)
            assert expected.any()
