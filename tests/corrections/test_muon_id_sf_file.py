from __future__ import annotations

import json

import pytest
from correctionlib import JSONEncoder
from correctionlib.schemav2 import CorrectionSet

from tau3mu.data import make_muon_id_sf

NAME = "NUM_MediumID_DEN_TrackerMuons"


def rows(file):
    """One (|eta| bin, pt edges, entries per pt bin) for each bin in |eta|."""
    (data,) = (c["data"] for c in json.loads(file.read_text())["corrections"] if c["name"] == NAME)
    for low, high, node in zip(data["edges"], data["edges"][1:], data["content"], strict=False):
        entries = [{x["key"]: x["value"] for x in leaf["content"]} for leaf in node["content"]]
        yield (low, high), [float(edge) for edge in node["edges"]], entries


def test_the_builder_reproduces_the_shipped_file():
    built = JSONEncoder.dumps(make_muon_id_sf.scale_factors()) + "\n"
    assert make_muon_id_sf.FILE.read_text() == built


def test_the_shipped_file_follows_the_schema_and_says_what_it_is():
    table = CorrectionSet.model_validate_json(make_muon_id_sf.FILE.read_text())
    assert [correction.name for correction in table.corrections] == [NAME]
    assert "Stand-in for demonstration" in (table.description or "")


@pytest.mark.others("muon_id_sf_2017UL_pog.json")
def test_same_bins_as_the_pog_but_other_numbers(others):
    table = others / "muon_id_sf_2017UL_pog.json"
    ours, theirs = list(rows(make_muon_id_sf.FILE)), list(rows(table))
    assert [row[:2] for row in ours] == [row[:2] for row in theirs]
    for (_, _, our_entries), (_, _, pog_entries) in zip(ours, theirs, strict=True):
        for our, pog in zip(our_entries, pog_entries, strict=True):
            assert set(our) == {"nominal", "stat", "syst", "systup", "systdown"} <= set(pog)
            assert our["nominal"] != pytest.approx(pog["nominal"], abs=1e-6)


def test_the_values_are_smooth_and_plausible():
    for _, _, entries in rows(make_muon_id_sf.FILE):
        nominal = [entry["nominal"] for entry in entries]
        assert nominal == sorted(nominal, reverse=True)
        assert all(0.95 < value < 1.05 for value in nominal)
        assert all(0 < entry["syst"] < 0.02 and 0 < entry["stat"] < 0.01 for entry in entries)
