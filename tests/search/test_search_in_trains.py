"""The control channel and the search in one train, with their skims."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from errors import raises

import tau3mu
from tau3mu.generate import generate
from tau3mu.processors import DsPhiPi, TauTo3Mu
from tau3mu.train import Store, Train, Wagon, compose, start
from tau3mu.train.tested import known_tests
from tau3mu.train.trains import rerun, resume

pytestmark = pytest.mark.integration

LUMI = {"control": 0.2, "tau": 0.3}
COLUMNS = ["dataset", "run", "lumi", "event", "mass", "vertex_chi2", "weight"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Dataset files of data of the control channel, and of data and simulation of the search."""
    folder = tmp_path_factory.mktemp("inputs")
    generate(folder, events=3_000)
    generate(folder, events=10_000, layout="t3m_tau")
    generate(folder, events=2_000, layout="t3m_tau", simulation=True)
    for name, files in {
        "control": {"Control": "Tree_PhiPi_1.root"},
        "tau": {"Data": "TreeData_1.root", "FromDs": "TreeMC_ds_1.root"},
    }.items():
        content = {
            dataset: {
                "files": {file: None},
                "metadata": {"is_mc": dataset == "FromDs", "era": "2017B"}
                | ({} if dataset == "FromDs" else {"lumi": LUMI[name]}),
            }
            for dataset, file in files.items()
        }
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def train_of(inputs, **settings):
    control, tau = (str(inputs / f"{name}.json") for name in LUMI)
    variants = {"tight": {"flight_significance": 3.0}}
    wagons = [
        Wagon("dsphipi", datasets=[control], fit=None, variants=variants,
              outputs={"skim": {"kind": "standard", "at": "vertex"}}),
        Wagon("tau3mu", datasets=[tau], fit=None,
              outputs={"skim": {"kind": "standard", "at": "flight"}}),
    ]  # fmt: skip
    return Train(wagons, [control, tau], settings=settings)


@pytest.fixture(scope="module")
def train(inputs, tmp_path_factory):
    """The store and the folder of a train of both, tested before it ran."""
    store = Store(tmp_path_factory.mktemp("store"))
    both = train_of(inputs, executor="futures", workers=2, chunk_size=3_000)
    tests = tau3mu.train.test(both, store=store, time_limit=30)
    assert [one.state.value for one in tests] == ["OK", "OK", "OK"], tests.rows()
    assert [sorted(one.metrics.datasets) for one in tests] == [
        ["Control"],
        ["Data", "FromDs"],
        ["Control", "Data", "FromDs"],
    ]
    folder = compose(both, store)
    assert start(folder) == 0
    return store, folder


def same(one, other):
    assert one.cutflow == other.cutflow
    assert one.histograms == other.histograms
    assert one.candidates[COLUMNS].to_list() == other.candidates[COLUMNS].to_list()


def test_one_pass_finds_what_two_find(inputs, train, tmp_path):
    results = tau3mu.open(train[1] / "results")
    assert {name: list(one.cutflow) for name, one in results.items()} == {
        "dsphipi": ["Control"],
        "dsphipi_tight": ["Control"],
        "tau3mu": ["Data", "FromDs"],
    }
    variants = [DsPhiPi(), DsPhiPi(name="dsphipi_tight", flight_significance=3.0)]
    for name, processors in (("control", variants), ("tau", [TauTo3Mu()])):
        alone = tau3mu.run(inputs / f"{name}.json", processors, no_fit=True, no_plots=True,
                           output=tmp_path / name)  # fmt: skip
        for processor in processors:
            same(results[processor.name], alone[processor.name])
            assert len(results[processor.name].candidates) > 20
    read = {file.dataset: (file.entries, file.read) for file in results.manifest.inputs}
    assert read == {"Control": (3000, 3000), "Data": (10000, 10000), "FromDs": (2000, 2000)}


def test_each_has_the_luminosity_of_its_own_data(train):
    results = tau3mu.open(train[1] / "results")
    for name, lumi in (("dsphipi", LUMI["control"]), ("tau3mu", LUMI["tau"])):
        eras = results[name].yields.to_dict()["selected"]["eras"]
        assert eras["2017B"]["lumi"] == pytest.approx(lumi)


def test_the_skims_of_both_have_the_candidates_of_their_parents(train, tmp_path):
    derived = train[1] / "results" / "derived"
    results = tau3mu.open(train[1] / "results")
    for skim, processor in (("dsphipi_vertex", "dsphipi"), ("tau3mu_flight", "tau3mu")):
        again = tau3mu.run(derived / skim / "dataset.json", processor, no_fit=True, no_plots=True,
                           output=tmp_path / skim)  # fmt: skip
        assert again.exit_code == 0
        columns = COLUMNS[1:]
        whole = results[processor].candidates[columns].to_list()
        assert again[processor].candidates[columns].to_list() == whole


def test_both_skims_are_read_in_one_train(train):
    """Each is registered in the store, and a test of one wagon knows nothing of the other's."""
    store, before = train
    control, *tau = "dsphipi_vertex", "tau3mu_flight_Data", "tau3mu_flight_FromDs"
    wagons = [
        Wagon("dsphipi", fit=None, datasets=[control]),
        Wagon("tau3mu", fit=None, datasets=tau),
    ]
    both = Train(wagons, [control, *tau])
    tests = tau3mu.train.test(both, store=store, whole=False)
    assert [sorted(one.metrics.datasets) for one in tests] == [[control], tau]
    assert {name: one.forced for name, one in known_tests(both, store).items()} == {
        "dsphipi": "",
        "tau3mu": "",
    }
    folder = compose(both, store)
    assert start(folder) == 0
    again, whole = (tau3mu.open(one / "results") for one in (folder, before))
    for name in again:
        rows = [one[name].candidates[COLUMNS[1:]].to_list() for one in (again, whole)]
        assert rows[0] == rows[1]


def test_the_train_can_be_reproduced_and_run_again(train):
    store, folder = train
    assert tau3mu.train.reproduce(folder / "results", workers=1).same
    again = rerun(store, 1, datasets_now=True, settings={"executor": "iterative"})
    assert start(again) == 0
    for name, results in tau3mu.open(again / "results").items():
        same(results, tau3mu.open(folder / "results")[name])


def test_a_resumed_run_goes_on_with_the_processor_that_has_failed(inputs, tmp_path):
    """What reads the other datasets is not run again."""
    broken, repaired = tmp_path / "broken.py", tmp_path / "repaired"
    broken.write_text(f"""
from pathlib import Path
from tau3mu.processors import TauTo3Mu

class Broken(TauTo3Mu):
    name = "broken"

    def selection(self, events, *arguments, **options):
        if len(events) and not Path("{repaired}").exists():
            raise ValueError("broken")
        return super().selection(events, *arguments, **options)
""")
    files = [str(inputs / f"{name}.json") for name in LUMI]
    wagons = [
        Wagon("dsphipi", fit=None, datasets=files[:1]),
        Wagon(f"{broken}:Broken", name="broken", fit=None, datasets=files[1:]),
    ]
    store = Store(tmp_path / "store")
    folder = compose(Train(wagons, files), store, force=["dsphipi", "broken"])
    assert start(folder) == 1
    results = tau3mu.open(folder / "results")
    assert list(results) == ["dsphipi"]
    assert list(results.set_apart) == ["broken"]
    assert results["dsphipi"].cutflow["Control"][0]["events"] == 3000
    repaired.touch()
    resume(store, 1)
    assert start(folder) == 0
    whole = tau3mu.open(folder / "results")
    assert whole.manifest.chunks.resumed == 1
    assert whole["broken"].cutflow["Data"][0]["events"] == 10_000
    same(whole["dsphipi"], results["dsphipi"])


def test_a_test_that_is_short_of_time_knows_what_it_has_not_read(inputs, tmp_path):
    (one,) = tau3mu.train.test(
        train_of(inputs), store=Store(tmp_path), time_limit=1e-3, whole=True
    )  # its first chunk is of the control channel
    assert one.metrics.datasets["Data"].events == 0
    assert not one.metrics.errors
    assert one.metrics.events == one.metrics.datasets["Control"].events > 0


def test_nothing_left_of_what_a_wagon_reads_is_an_error(inputs, tmp_path):
    control, tau = (tau3mu.datasets(str(inputs / f"{name}.json")) for name in LUMI)
    bad = tmp_path / "bad.root"
    bad.write_bytes((inputs / "Tree_PhiPi_1.root").read_bytes()[:5000])
    own = [
        *(replace(one, readers=frozenset({"tau3mu"})) for one in tau),
        replace(control[0], files={str(bad): None}, readers=frozenset({"dsphipi"})),
    ]
    with raises("dataset.no-events", path="dsphipi"):
        tau3mu.run(own, ["dsphipi", "tau3mu"], no_fit=True, skip_bad_files=True,
                   output=tmp_path / "out")  # fmt: skip
    assert not (tmp_path / "out").exists()
    with raises("run.idle-processor", path="dsphipi"):
        tau3mu.run(own[:2], ["dsphipi", "tau3mu"], no_fit=True, output=tmp_path / "out")
    with raises("run.unread-dataset", path="Control"):
        tau3mu.run(own, ["tau3mu"], no_fit=True, output=tmp_path / "out")


def test_files_that_a_processor_reads_and_cannot_are_named(inputs, tmp_path):
    """Without `datasets`, both read all files, and lack columns in those of the other."""
    files = [str(inputs / f"{name}.json") for name in LUMI]
    processors = ["dsphipi", "tau3mu"]
    with raises("dataset.bad-files", mentions="triplet.mu3.dxy"):
        tau3mu.run(files[0], processors, no_fit=True, output=tmp_path / "control")
    with raises("dataset.bad-files", mentions="track."):
        tau3mu.run(files[1], processors, no_fit=True, output=tmp_path / "tau")
    assert not (tmp_path / "tau").exists()


def test_a_blind_skim_is_not_read_with_open_windows(train, tmp_path):
    skim = train[1] / "results" / "derived" / "tau3mu_flight" / "dataset.json"
    with raises("derived.looser-cut", path="tau3mu.blind"):
        tau3mu.run(skim, TauTo3Mu(name="tau3mu", blind=False), no_fit=True,
                   output=tmp_path / "open")  # fmt: skip
