"""Weights of events: against correctionlib, coffea and loops over events."""

from __future__ import annotations

import gzip
import json

import awkward as ak
import correctionlib
import hist
import numpy as np
import pytest
import uhi.io.json
import uproot
from coffea.analysis_tools import Weights as CoffeaWeights
from errors import raises

from tau3mu.corrections import (
    EventWeight,
    GeneratorWeight,
    PileupWeight,
    PrescaleWeight,
    product,
)
from tau3mu.corrections.events import checked_weights
from tau3mu.processing import Processor

NAME = "Collisions17_UltraLegacy_goldenJSON"
EDGES = [0.0, 10.0, 20.0, 40.0, 99.0]
TABLE = {
    "nominal": [0.5, 1.5, 0.75, 0.1],
    "up": [0.4, 1.25, 1.0, 0.3],
    "down": [0.7, 1.6, 0.5, 0.0],
}


class Events(dict):
    """What a weight sees of events."""

    def __init__(self, metadata, **columns):
        super().__init__({name: ak.Array(column) for name, column in columns.items()})
        self.metadata = metadata

    def __len__(self):
        return len(next(iter(self.values())))

    __getattr__ = dict.__getitem__


def simulation(**columns):
    return Events({"is_mc": True, "era": "2017B"}, **columns)


def data(era="2018A", **columns):
    return Events({"is_mc": False, "era": era}, **columns)


def pog(path, flow="clamp", keys=("nominal", "up", "down"), name=NAME, others=()):
    """Writes a file in the form of the POG's puWeights.json.gz."""

    def correction(name):
        content = [
            {"key": key, "value": {"nodetype": "binning", "input": "NumTrueInteractions",
                                   "edges": EDGES, "content": TABLE[key], "flow": flow}}
            for key in keys
        ]  # fmt: skip
        return {
            "name": name, "version": 0,
            "inputs": [{"name": "NumTrueInteractions", "type": "real"},
                       {"name": "weights", "type": "string"}],
            "output": {"name": "weight", "type": "real"},
            "data": {"nodetype": "category", "input": "weights", "content": content},
        }  # fmt: skip

    found = [correction(one) for one in (name, *others)]
    content = json.dumps({"schema_version": 2, "corrections": found})
    path.write_bytes(gzip.compress(content.encode()))
    return path


NUMBERS = np.array([0.0, 3.5, 9.99, 10.0, 19.0, 25.5, 40.0, 98.9, 99.0, 250.0], np.float32)


def test_pileup_weights_are_those_of_correctionlib(tmp_path):
    file = pog(tmp_path / "puWeights.json.gz")
    found = PileupWeight(file, NAME).evaluate(simulation(n_pileup_true=NUMBERS))
    reference = correctionlib.CorrectionSet.from_file(str(file))[NAME]
    for values, key in zip(found, ("nominal", "up", "down"), strict=True):
        one_by_one = [reference.evaluate(float(number), key) for number in NUMBERS]
        assert values.tolist() == one_by_one
    assert PileupWeight(file) == PileupWeight(file, NAME)  # the only one in the file


def test_pileup_outside_of_a_strict_table(tmp_path):
    weight = PileupWeight(pog(tmp_path / "pu.json.gz", flow="error"), NAME)
    assert weight.evaluate(simulation(n_pileup_true=NUMBERS[:8]))[0].shape == (8,)
    with raises("corrections.outside", path=str(tmp_path / "pu.json.gz")):
        weight.evaluate(simulation(n_pileup_true=NUMBERS))


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"keys": ("nominal", "up")}, "corrections.missing-keys"),
        ({"others": ("Other",), "name": "One"}, "corrections.unknown-correction"),
    ],
)
def test_pileup_tables_that_cannot_be(tmp_path, how, code):
    with raises(code):
        PileupWeight(pog(tmp_path / "pu.json.gz", **how))


@pytest.mark.parametrize("weight", [-0.5, float("nan"), float("inf")])
@pytest.mark.parametrize("key", [0, 2])
def test_pileup_weights_that_cannot_be(tmp_path, weight, key):
    file = pog(tmp_path / "pu.json.gz")
    content = json.loads(gzip.decompress(file.read_bytes()))
    content["corrections"][0]["data"]["content"][key]["value"]["content"][1] = weight
    file.write_bytes(gzip.compress(json.dumps(content).encode()))
    with raises("corrections.bad-weights", path=str(file)):
        PileupWeight(file)


def test_missing_pileup_is_an_error(tmp_path):
    weight = PileupWeight(pog(tmp_path / "pu.json.gz"))
    with raises("corrections.missing-values", path="pileup"):
        weight.evaluate(simulation(n_pileup_true=[3, None]))


@pytest.fixture
def profiles(tmp_path):
    """Histograms of data (ROOT) and of simulation (UHI JSON) in the same bins."""
    axis = hist.axis.Variable(EDGES, name="pileup")
    rng = np.random.default_rng(3)
    contents = {}
    with uproot.recreate(tmp_path / "data.root") as file:
        for name in ("pileup", "plus", "minus"):
            contents[name] = rng.integers(5, 50, len(EDGES) - 1).astype(float)
            one = hist.Hist(axis)
            one[:] = contents[name]
            file[name] = one
    contents["mc"] = np.array([7.0, 5.0, 2.0, 3.0])
    of_mc = hist.Hist(axis)
    of_mc[:] = contents["mc"]
    text = json.dumps(of_mc, default=uhi.io.json.default)
    (tmp_path / "mc.json").write_text(text)
    (tmp_path / "several.json").write_text(f'{{"mc": {text}}}')
    return tmp_path, contents


@pytest.mark.parametrize("simulated", ["mc.json", "several.json:mc", "several.json"])
def test_pileup_of_two_histograms_is_a_ratio(profiles, simulated):
    folder, contents = profiles
    place = f"{folder}/data.root"
    weight = PileupWeight.from_histograms(
        f"{place}:pileup", f"{folder}/{simulated}", up=f"{place}:plus", down=f"{place}:minus"
    )
    found = weight.evaluate(simulation(n_pileup_true=NUMBERS))
    for values, name in zip(found, ("pileup", "plus", "minus"), strict=True):
        for number, value in zip(NUMBERS, values, strict=True):
            place_in = min(max(np.searchsorted(EDGES, number, side="right") - 1, 0), 3)
            of_data = contents[name][place_in] / contents[name].sum()
            of_mc = contents["mc"][place_in] / contents["mc"].sum()
            assert value == pytest.approx(of_data / of_mc, rel=1e-15)
    # The mean weight of the simulation of which the profile is, is 1.
    centers = [5.0, 15.0, 30.0, 50.0]
    weights = weight.evaluate(simulation(n_pileup_true=np.repeat(centers, [7, 5, 2, 3])))[0]
    assert weights.mean() == pytest.approx(1, rel=1e-15)


def test_profiles_that_do_not_go_together(profiles):
    folder, _ = profiles
    other = hist.Hist(hist.axis.Regular(5, 0, 99, name="pileup"))
    other[:] = 1.0
    empty = hist.Hist(hist.axis.Variable(EDGES, name="pileup"))
    empty[1] = 5.0
    for name, one in {"other": other, "empty": empty}.items():
        (folder / f"{name}.json").write_text(json.dumps(one, default=uhi.io.json.default))
    of_data = f"{folder}/data.root:pileup"
    with raises("corrections.other-bins"):
        PileupWeight.from_histograms(of_data, f"{folder}/other.json")
    with raises("corrections.other-profile"):
        PileupWeight.from_histograms(of_data, f"{folder}/empty.json")
    with raises("corrections.no-histogram"):
        PileupWeight.from_histograms(f"{folder}/data.root:none", f"{folder}/mc.json")
    with raises("corrections.no-histogram"):
        PileupWeight.from_histograms(f"{folder}/data.txt", f"{folder}/mc.json")


PRESCALES = """\
# run,cmsls,prescidx,totprescval,hltpath/prescval,logic,l1bit/prescval
297050,None,2,20.0,HLT_DoubleMu3_Trk_Tau3mu_v2/1,OR,L1_DoubleMu0er1p5/20
297050,58,3,5.5,HLT_DoubleMu3_Trk_Tau3mu_v2/1,OR,"L1_DoubleMu0er1p5/5 L1_TripleMu/1"
297050,100,4,0,HLT_DoubleMu3_Trk_Tau3mu_v2/0,OR,L1_DoubleMu0er1p5/5
# run,cmsls,prescidx,totprescval,hltpath/prescval,logic,l1bit/prescval
297056,1,2,1,HLT_DoubleMu3_Trk_Tau3mu_v3/1,OR,L1_DoubleMu0er1p5/1
"""
OTHER = "297056,1,2,700,HLT_Mu8_v9/700,ONE,L1_SingleMu7/1\n"


def test_prescales_by_section(tmp_path):
    file = tmp_path / "prescales.csv"
    file.write_text(PRESCALES)
    run = np.array([297050, 297056, 297050, 297050, 297050, 297056], np.uint32)
    lumi = np.array([57, 900, 58, 99, 100, 1], np.uint32)
    found = PrescaleWeight(file).evaluate(data(run=run, lumi=lumi))
    assert found.tolist() == [20.0, 1.0, 5.5, 5.5, 0.0, 1.0]
    file.write_text(PRESCALES + OTHER)
    for path in ("HLT_DoubleMu3_Trk_Tau3mu_v", "HLT_DoubleMu3_Trk_Tau3mu"):
        again = PrescaleWeight(file, path).evaluate(data(run=run, lumi=lumi))
        assert again.tolist() == found.tolist()
    assert PrescaleWeight(file, "HLT_Mu8").evaluate(data(run=[297056], lumi=[5])).tolist() == [700]


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        (PRESCALES + OTHER, "", "prescales.several-paths"),
        (PRESCALES, "HLT_Mu8_v", "prescales.unknown-path"),
        (PRESCALES.replace("20.0", "-1"), "", "prescales.wrong-lines"),
        (PRESCALES + PRESCALES.replace("20.0", "21"), "", "prescales.wrong-lines"),
        ("\n".join(PRESCALES.splitlines()[1:4]), "", "prescales.no-column"),
        ("+---+\n| run | cmsls |\n", "", "prescales.no-csv"),
    ],
)
def test_prescale_files_that_cannot_be(tmp_path, text, path, code):
    file = tmp_path / "prescales.csv"
    file.write_text(text)
    with raises(code, path=str(file)):
        PrescaleWeight(file, path)


@pytest.mark.parametrize(("run", "lumi"), [(297051, 5), (297049, 5), (297057, 1)])
def test_sections_without_prescale_are_named(tmp_path, run, lumi):
    file = tmp_path / "prescales.csv"
    file.write_text(PRESCALES)
    with raises("prescales.missing-section", path=str(file)) as caught:
        PrescaleWeight(file).evaluate(data(run=[297050, run], lumi=[60, lumi]))
    assert f"{run}: {lumi}" in str(caught.value)


def test_prescales_by_era(tmp_path):
    # The luminosities of 2018 A and B, and those of the prescaled control path.
    table = {"2018A": 13.98 / 0.7025, "2018B": 7.06 / 0.3522}
    (tmp_path / "eras.json").write_text(json.dumps(table))
    for source in (table, tmp_path / "eras.json"):
        assert PrescaleWeight(source).evaluate(data(run=[1, 2])).tolist() == [13.98 / 0.7025] * 2
        with raises("prescales.missing-era", path="2018C"):
            PrescaleWeight(source).evaluate(data("2018C", run=[1]))
    with raises("prescales.wrong-value", path="2018A"):
        PrescaleWeight({"2018A": 0})


class Tilt(EventWeight):
    name = "tilt"
    varied = True

    def evaluate(self, events):
        run = np.asarray(events.run, float)
        return run / 7, run / 6, run / 8


def test_product_is_that_of_a_loop_and_of_coffea(tmp_path):
    pileup = PileupWeight(pog(tmp_path / "pu.json.gz"))
    prescale = PrescaleWeight({"2018A": 20.0})
    generated = np.tile(np.float32([-2.5, 7.25]), 5)
    events = simulation(n_pileup_true=NUMBERS, gen_weight=generated, run=np.arange(10) + 1)
    found = product((GeneratorWeight(), pileup, Tilt(), prescale), events)
    assert list(found.variations) == ["pileup_up", "pileup_down", "tilt_up", "tilt_down"]
    nominal, up, down = pileup.evaluate(events)
    tilt = Tilt().evaluate(events)
    theirs = CoffeaWeights(10)
    theirs.add("generator", generated.astype(float))
    theirs.add("pileup", *(one.copy() for one in (nominal, up, down)))  # it changes them
    theirs.add("tilt", *(one.copy() for one in tilt))
    for name, values in {"nominal": found.nominal, **found.variations}.items():
        shift = name.split("_")
        of_pileup = {"pileup_up": up, "pileup_down": down}.get(name, nominal)
        of_tilt = {"tilt_up": tilt[1], "tilt_down": tilt[2]}.get(name, tilt[0])
        loop = [float(g) * p * t for g, p, t in zip(generated, of_pileup, of_tilt, strict=True)]
        assert values.tolist() == loop
        modifier = None if name == "nominal" else shift[0] + shift[1].capitalize()
        np.testing.assert_allclose(values, theirs.weight(modifier), rtol=1e-14)
    of_data = product((GeneratorWeight(), pileup, prescale), data(run=[1, 2]))
    assert of_data.nominal.tolist() == [20.0, 20.0]
    assert of_data.variations["pileup_up"].tolist() == [20.0, 20.0]


def test_weights_that_cannot_be():
    class Wrong(EventWeight):
        name = "wrong"

        def evaluate(self, events):
            return events.run

    with raises("corrections.lengths", path="wrong"):
        product([Wrong()], simulation(x=[1, 2, 3], run=[1]))
    with raises("corrections.missing-values", path="wrong"):
        product([Wrong()], simulation(run=[1, None]))
    with raises("corrections.not-finite", path="wrong"):
        product([Wrong()], simulation(run=[1, np.nan]))
    with raises("corrections.repeated-name", path="wrong"):
        checked_weights([Wrong(), Wrong()], "mine")
    with raises("corrections.no-event-weight", path="mine"):
        checked_weights([1.5], "mine")
    Wrong.name = "a b"
    with raises("corrections.bad-name", path="mine"):
        checked_weights([Wrong()], "mine")


def test_a_processor_that_is_not_initialized_has_no_weights_of_events():
    class Forgetful(Processor):
        columns = frozenset({"run"})
        event_weights = (GeneratorWeight(),)

        def __init__(self):
            self.name = "forgetful"

        def select(self, events, cutflow):
            """Is not called."""

    with raises("processor.not-initialized", path="forgetful"):
        _ = Forgetful().variations
