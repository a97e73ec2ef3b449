"""One factor per dataset: cross section times luminosity over the sum of the weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
from errors import raises

import tau3mu
from tau3mu.results import luminosity, scales
from tau3mu.results.manifest import DatasetFacts, GeneratedFacts
from tau3mu.results.normalization import not_normalized

GENERATED = GeneratedFacts(events=4000, sumw=2.5e5, sumw2=9e7)
DATA = {"B": DatasetFacts(lumi=4.75), "C": DatasetFacts(lumi=9.5)}
MC = DatasetFacts(is_mc=True, cross_section=1.5, generated=GENERATED)


def test_simulation_is_scaled_to_all_data():
    found = scales({**DATA, "mc": MC})
    # 1.5 pb are 1500 fb, of which 14.25 fb^-1 make 21375 events, for a sum of weights of 250000.
    assert found == {"B": 1.0, "C": 1.0, "mc": pytest.approx(21375 / 250000, rel=1e-15)}


def test_its_own_luminosity_takes_precedence():
    own = MC.model_copy(update={"lumi": 2.0})
    assert scales({**DATA, "mc": own})["mc"] == pytest.approx(3000 / 250000, rel=1e-15)
    assert scales({"mc": own})["mc"] == pytest.approx(3000 / 250000, rel=1e-15)


@pytest.mark.parametrize(
    "facts",
    [
        {"mc": MC},
        {**DATA, "D": DatasetFacts(), "mc": MC},  # never to a part of the data
        {**DATA, "mc": MC.model_copy(update={"cross_section": None})},
        {**DATA, "mc": MC.model_copy(update={"generated": None})},
        {**DATA, "mc": MC.model_copy(update={"generated": GeneratedFacts(
            events=2, sumw=-1.0, sumw2=2.0)})},
    ],
)  # fmt: skip
def test_what_is_not_known_has_no_factor(facts):
    assert scales(facts)["mc"] is None


def test_simulation_with_a_cross_section_that_is_not_compared_is_named():
    lacking = MC.model_copy(update={"generated": None})
    assert [one.split("'")[1] for one in not_normalized({**DATA, "dy": lacking, "mc": MC})] == [
        "dy"
    ]
    assert not_normalized({"dy": lacking}) == []  # there is nothing to compare it with
    assert not_normalized({**DATA, "dy": lacking.model_copy(update={"cross_section": None})}) == []


def test_luminosity_of_data_only():
    assert luminosity([*DATA.values(), MC.model_copy(update={"lumi": 1.0})]) == 14.25
    assert luminosity([*DATA.values(), DatasetFacts()]) is None
    assert luminosity([]) is None


def test_manifests_of_before_are_read():
    facts = DatasetFacts.model_validate({"era": "2017B", "is_mc": False, "lumi": 4.8})
    assert (facts.energy, facts.cross_section, facts.lumi_source) == (None, None, None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, demo):
    """A run over data and simulation with a cross section, whose weights are made known by hand."""
    place = tmp_path_factory.mktemp("normalized")
    sets = {
        "data": {
            "files": [str(demo[0])],
            "metadata": {"era": "2017B", "lumi": 4.75, "lumi_source": "by hand"},
        },
        "mc": {
            "files": [str(demo[1])],
            "metadata": {"era": "2022", "is_mc": True, "cross_section": 1.5},
        },
    }
    (place / "sets.json").write_text(json.dumps(sets))
    tau3mu.run(tau3mu.datasets(place / "sets.json"), ["dsphipi"], no_fit=True, output=place / "run")
    return place / "run"


def test_facts_are_recorded(folder):
    facts = tau3mu.open(folder).datasets
    assert facts["data"].lumi_source == "by hand"
    assert (facts["data"].energy, facts["mc"].energy) == (13.0, 13.6)
    assert (facts["data"].cross_section, facts["mc"].cross_section) == (None, 1.5)
    frozen = json.loads((folder / "full_config.json").read_text())["datasets"]
    kept = {
        one["name"]: (one["cross_section"], one["energy"], one["lumi_source"]) for one in frozen
    }
    assert kept == {"data": (None, None, "by hand"), "mc": (1.5, None, None)}


def test_histogram_is_scaled_when_asked(folder):
    run = tau3mu.open(folder)
    run.datasets["mc"] = run.datasets["mc"].model_copy(update={"generated": GENERATED})
    found = run["dsphipi"]
    plain = found.histogram("mass", "mc", "muon_sf_up")
    scaled = found.histogram("mass", "mc", "muon_sf_up", normalized=True)
    factor = 1500 * 4.75 / 2.5e5
    assert plain.sum().value > 0
    np.testing.assert_allclose(scaled.values(), plain.values() * factor, rtol=1e-15)
    np.testing.assert_allclose(scaled.variances(), plain.variances() * factor**2, rtol=1e-15)
    assert found.histogram("mass", normalized=True) == found.histogram("mass", "data")


def test_what_is_missing_is_said(folder):
    run = tau3mu.open(folder)
    run.datasets["mc"] = run.datasets["mc"].model_copy(update={"generated": None})
    with raises("results.no-normalization", path="mc"):
        run["dsphipi"].histogram("mass", "mc", normalized=True)
