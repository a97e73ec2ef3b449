"""Each step of a search depends on what it reads, and on nothing else."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from errors import raises
from search_inputs import Inputs, data

from tau3mu.discriminant.document import content_hash
from tau3mu.search import STEPS, Search
from tau3mu.search.depends import change_of, depends_of

FROM_SELECTION = {"selection", "training", "scores", "bins", "model", "limit"}
FROM_CONTROL = {"control", "bins", "model", "limit"}
AFTER_SCORES = {"bins", "model", "limit"}


@pytest.fixture
def inputs(ntuples, tmp_path):
    made = Inputs(ntuples, tmp_path)
    for name in ("control", "tau"):
        (file,) = getattr(made, name)["Data"]["files"]
        own = shutil.copy(file, tmp_path / f"{name}.root")
        getattr(made, name)["Data"] = data(str(own))
    made.search["training"] = {"trees": 40}
    return made


def depends(inputs):
    """Returns what each step depends on, and its key."""
    one = Search(inputs.load(), inputs.folder)
    found = {}
    for step in STEPS:
        found[step] = depends_of(one, step)
        one.keys[step] = content_hash(found[step])
    return found, one.keys


def changed(inputs, change):
    """Returns which steps are done again, and why."""
    before, keys = depends(inputs)
    change(inputs)
    now, others = depends(inputs)
    steps = {step for step in STEPS if keys[step] != others[step]}
    return steps, {step: text for step in STEPS if (text := change_of(before[step], now[step]))}


def metadata(channel, name, **facts):
    return lambda inputs: getattr(inputs, channel)[name]["metadata"].update(facts)


def touched(name):
    return lambda inputs: os.utime(inputs.folder / name, ns=(1, 1))


def setting(name, value):
    def change(inputs):
        *parts, last = name.split(".")
        where = inputs.search
        for part in parts:
            where = where.setdefault(part, {})
        where[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "steps", "why"),
    [
        (touched("tau.root"), {"datasets"} | FROM_SELECTION, {"selection": "tau.root"}),
        (touched("control.root"), {"datasets"} | FROM_CONTROL, {"control": "control.root"}),
        (metadata("tau", "Data", lumi=1.005), {"datasets"} | FROM_SELECTION,
         {"selection": "lumi was 1.0 and is 1.005"}),
        (metadata("tau", "ds", layout="t3m_tau"), {"datasets"} | FROM_SELECTION,
         {"selection": "layout"}),
        (metadata("control", "Ds", generated=40, cross_section=7.6), {"datasets"} | FROM_CONTROL,
         {"control": "cross_section was not set and is 7.6"}),
        (setting("control.yield_parameter", "nD"), FROM_CONTROL,
         {"control": 'control.yield_parameter was "nDs" and is "nD"'}),
        (setting("control.fit", "dsphipi_2017"), FROM_CONTROL, {"control": "control.fit"}),
        (setting("control.parameters.track_pt", 1.5), FROM_CONTROL,
         {"control": "control.parameters.track_pt was not set and is 1.5"}),
        (setting("search.parameters.muon_pt", 3.0), FROM_SELECTION,
         {"selection": "search.parameters.muon_pt was not set and is 3.0"}),
        (setting("search.parameters.year", "2018"), {"datasets"} | FROM_SELECTION,
         {"datasets": 'search.year was "" and is "2018"'}),
        (setting("training.trees", 60), {"training", "scores"} | AFTER_SCORES,
         {"training": "training.trees was 40 and is 60"}),
        (setting("training.seed", 2), {"training", "scores"} | AFTER_SCORES,
         {"training": "training.seed was 1 and is 2"}),
        (setting("constants.d_plus", {"value": 1.0}), {"training", "scores"} | AFTER_SCORES,
         {"training": "taus_per_ds.ds", "bins": "constants.d_plus was 1.05 and is 1.0"}),
        (setting("constants.ds_phi_mumu_pi", {"value": 1.3e-5}), AFTER_SCORES,
         {"bins": "constants.ds_phi_mumu_pi was 1.29e-05 and is 1.3e-05"}),
        (setting("constants.d_plus", {"value": 1.05, "relative_uncertainty": 0.1}),
         {"model", "limit"}, {"model": "constants.d_plus.relative_uncertainty"}),
        (setting("branching_fraction", 1e-8), AFTER_SCORES,
         {"bins": "branching_fraction was 1e-07 and is 1e-08"}),
        (setting("bins", 3), AFTER_SCORES, {"bins": "bins was 2 and is 3"}),
        (setting("title", "Toys"), {"model", "limit"}, {"model": "title"}),
        (setting("cl", 0.95), {"limit"}, {"limit": "cl was 0.9 and is 0.95"}),
    ],
)  # fmt: skip
def test_what_has_changed_redoes_what_depends_on_it(change, steps, why, inputs):
    found, reasons = changed(inputs, change)
    assert found == steps
    assert reasons.keys() <= steps
    for step, text in why.items():
        assert text in reasons[step], reasons[step]


def test_a_file_that_a_parameter_names_counts_with_its_content(inputs):
    table = inputs.folder / "pileup.json"
    table.write_text("{}")
    inputs.search["search"]["parameters"] = {"pileup_file": str(table)}
    steps, reasons = changed(inputs, lambda _: table.write_text("[]"))
    assert steps == FROM_SELECTION
    assert "search.files.pileup_file" in reasons["selection"]
    table.unlink()
    with raises("config.cannot-read", path="pileup.json"):
        depends(inputs)


def test_the_tree_of_a_file_counts(inputs):
    file = str(inputs.folder / "tau.root")

    def change(inputs):
        inputs.tau["Data"]["files"] = {file: "Tree"}

    steps, reasons = changed(inputs, change)
    assert steps == {"datasets"} | FROM_SELECTION
    assert file in json.dumps(reasons["datasets"])
