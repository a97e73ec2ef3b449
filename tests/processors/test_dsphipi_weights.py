"""The weights of events that `dsphipi` takes as parameters, against a loop over its candidates."""

from __future__ import annotations

import json
from math import fsum

import hist
import numpy as np
import pytest
import uhi.io.json

from tau3mu.corrections import PileupWeight
from tau3mu.generate import generate
from tau3mu.processors import DsPhiPi


@pytest.fixture(scope="module")
def pileup(tmp_path_factory):
    """A file of pileup weights."""
    folder = tmp_path_factory.mktemp("pileup")
    axis = hist.axis.Regular(80, 0, 80, name="pileup")
    random = np.random.default_rng(1)
    for name, mean in {"data": 30, "mc": 35}.items():
        one = hist.Hist(axis).fill(random.normal(mean, 9, 50_000))
        (folder / f"{name}.json").write_text(json.dumps(one, default=uhi.io.json.default))
    made = PileupWeight.from_histograms(f"{folder}/data.json", f"{folder}/mc.json")
    (folder / "weights.json").write_text(made._text)
    return folder / "weights.json", made


@pytest.fixture(scope="module")
def events(tmp_path_factory, events_of):
    """Makes simulated events with what a processor reads, or the same as data."""
    folder = tmp_path_factory.mktemp("weighted")
    (path,) = generate(folder, events=800, simulation=True, seed=8)
    return lambda columns, **facts: events_of(path, columns, **facts)


def test_pileup_multiplies_all_weights(pileup, events):
    file, weight = pileup
    processor = DsPhiPi(pileup_file=str(file), n_minus_one_histograms=True)
    assert "n_pileup_true" in processor.columns
    some = events(processor.columns, is_mc=True)
    found = processor.selection(some)
    plain = DsPhiPi(n_minus_one_histograms=True)
    before = plain.selection(some)
    nominal, up, down = weight.evaluate(some)
    assert len(found.candidates) > 50
    assert found.places.tolist() == before.places.tolist()
    for name in ("weight", "weight_muon_sf_up", "weight_muon_sf_down"):
        expected = [
            w * nominal[i] for w, i in zip(before.candidates[name], found.places, strict=True)
        ]
        assert found.candidates[name].tolist() == expected
    for name, values in {"up": up, "down": down}.items():
        expected = [
            w * values[i] for w, i in zip(before.candidates.weight, found.places, strict=True)
        ]
        assert found.candidates[f"weight_pileup_{name}"].tolist() == expected
    left = dict(plain.events_left(some, _cutflow(some)))
    for row in found.cutflow:
        last = row.cuts[-1].name if row.cuts else ""
        entries = left[f"{row.name}: {last}" if last else row.name]
        assert row.sumw == fsum(nominal[entries]), row.name
        assert (row.events, row.candidates) == next(
            (one.events, one.candidates) for one in before.cutflow if one.name == row.name
        )
    histogram = found.histograms["n_minus_one_mass"]
    kinds = ["nominal", "muon_sf_up", "muon_sf_down", "pileup_up", "pileup_down"]
    assert list(histogram.axes["variation"]) == kinds
    # All that the processor selects is in the N-1 distribution of the mass, with its weight.
    inside = histogram[0, :, :].project("variation")
    for name in kinds:
        column = "weight" if name == "nominal" else f"weight_{name}"
        assert inside[name].value >= found.candidates[column].to_numpy().sum() * (1 - 1e-12)


def _cutflow(some):
    from tau3mu.processing import Cutflow

    return Cutflow(some)


def test_prescales_multiply_data(events, tmp_path):
    (tmp_path / "eras.json").write_text('{"2018A": 19.5}')
    processor = DsPhiPi(prescale_file=str(tmp_path / "eras.json"), generator_weight=False)
    found = processor.selection(events(processor.columns, is_mc=False, era="2018A"))
    assert set(found.candidates.weight.tolist()) == {19.5}
    assert found.cutflow[0].sumw == 19.5 * found.cutflow[0].events
    assert processor.variations == DsPhiPi().variations
