"""Train files: what they say, what is refused and where, and which trains are the same."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import pytest
from errors import raises
from ruamel.yaml import YAML

from tau3mu.processors import DsPhiPi
from tau3mu.train import Train, Wagon

TRAIN = {
    "schema_version": 1,
    "analysis": {"name": "phi", "title": "Control channel", "authors": ["A. Nonymous"]},
    "wagons": {
        "dsphipi": {
            "processor": "dsphipi",
            "parameters": {"track_pt": 1.2},
            "variants": {
                "tight": {"flight_significance": 3.0},
                "loose": {"flight_significance": 1.5},
            },
            "fit": "dsphipi",
            "limits": {"memory_mb": 2000, "cpu_hours": 4},
        }
    },
    "datasets": ["demo"],
}
NAN = float("nan")
MINE = """\
import tau3mu

class Mine(tau3mu.Processor):
    columns = ["event", "muon.pt"]
    min_pt: float = tau3mu.parameter(4.0, unit="GeV", help="of each muon")
    lists: list[float] = tau3mu.parameter([1.0], help="numbers")

    def select(self, events, cutflow):
        cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        return tau3mu.Table()

class Other(Mine):
    name = "second"
"""


def loaded(folder, document, name="train.json"):
    file = folder / name
    if name.endswith(".json"):
        file.write_text(json.dumps(document, indent=1))
    else:
        with file.open("w") as stream:
            YAML(typ="safe").dump(document, stream)
    return Train.load(file)


def with_wagon(**changes):
    document = copy.deepcopy(TRAIN)
    document["wagons"]["dsphipi"] |= changes
    return document


def with_values(**parameters):
    return with_wagon(parameters=parameters)


def test_a_variant_is_the_wagon_with_a_patch(tmp_path):
    train = loaded(tmp_path, with_values(flight_significance=2.5, mass_axis={"bins": 31}))
    found = train.check()
    assert list(found) == ["dsphipi", "dsphipi_tight", "dsphipi_loose"]
    values = [one.processor.flight_significance for one in found.values()]
    assert values == [2.5, 3.0, 1.5]
    for one in found.values():
        assert one.processor.name == one.name
        assert one.processor.mass_axis.bins == 31
        assert one.processor.mass_axis.start == DsPhiPi().mass_axis.start
        assert one.fit.name == "dsphipi"
        assert one.limits.memory_mb == 2000
    assert [one.name for one in train.processors()] == list(found)
    assert train.skims() == {}
    skims = loaded(tmp_path, with_wagon(outputs={"skim": {"at": "vertex"}})).skims()
    assert {name: skim.at for name, skim in skims.items()} == dict.fromkeys(found, "vertex")


@pytest.mark.parametrize(
    "same",
    [
        with_values(),
        with_values(track_pt=1.2, flight_significance=2.0),
        with_values(flight_significance=2),
        with_values(mass_axis={"bins": 62}, skip=[]),
        with_wagon(fit="auto"),
        with_wagon(outputs={}, needs=[], active=True),
        with_wagon(active=["loose", "base", "tight"]),
        with_wagon(limits={}),  # changes no result
    ],
)
def test_implicit_and_explicit_defaults_are_one_train(tmp_path, same):
    train = loaded(tmp_path, TRAIN)
    for name in ("other.json", "other.yaml"):
        other = loaded(tmp_path, same, name)
        assert other.hash == train.hash
        hashes = {name: one.hash for name, one in train.check().items()}
        assert {name: one.hash for name, one in other.check().items()} == hashes
        assert len(set(hashes.values())) == 3


@pytest.mark.parametrize(
    "different",
    [
        with_values(track_pt=1.3),
        with_values(mass_axis={"bins": 63}),
        with_values(muon_sf_outside="unity"),
        with_wagon(fit=None),
        with_wagon(fit="dsphipi_notebook"),
        with_wagon(outputs={"skim": {"at": "vertex"}}),
        with_wagon(processor="dsphipi_notebook"),
        with_wagon(active=["base", "tight"]),
    ],
)
def test_any_other_value_is_another_train(tmp_path, different):
    assert loaded(tmp_path, different).hash != loaded(tmp_path, TRAIN).hash


def test_objects_are_what_files_say(tmp_path):
    entry = TRAIN["wagons"]["dsphipi"]
    train = Train(
        [
            Wagon(
                DsPhiPi(track_pt=1.2), **{key: entry[key] for key in ("variants", "fit", "limits")}
            )
        ],
        "demo",
        analysis=TRAIN["analysis"],
    )
    file = loaded(tmp_path, TRAIN)
    assert train.hash == file.hash
    for name in ("saved.json", "saved.yaml"):
        train.save(tmp_path / name)
        assert Train.load(tmp_path / name) == train
        file.save(tmp_path / name)
        assert Train.load(tmp_path / name) == file
        assert json.loads(json.dumps(file.document())) == file.document()
    assert file != loaded(tmp_path, with_values(track_pt=1.3))
    html = file._repr_html_()
    for text in ("dsphipi_tight", "flight_significance = 3.0", file.check()["dsphipi"].hash):
        assert text in html
    wagon = file.wagons["dsphipi"]
    assert "dsphipi_tight" in wagon._repr_html_()
    assert wagon == eval(repr(wagon), {"Wagon": Wagon}) != train.wagons["dsphipi"]
    wrong = Train([Wagon("dsphipi", parameters={"track_ptt": 1})], "demo")
    assert "track_ptt" in wrong._repr_html_()


def test_paths_start_from_the_folder_of_the_file(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "mine.py").write_text(MINE)
    document = {
        "schema_version": 1,
        "wagons": {
            "mine": {"processor": "mine.py:Mine", "variants": {"hard": {"min_pt": 5}}},
            "more": {"processor": "mine.py:Other", "needs": ["mine_hard"]},
        },
        "datasets": ["files.json"],
    }
    (folder / "files.json").write_text(json.dumps({"x": {"files": ["x.root"]}}))
    monkeypatch.chdir(tmp_path)
    train = loaded(folder, document)
    (dataset,) = train.datasets()
    assert list(dataset.files) == [str(folder / "x.root")]
    assert train.resolved["mine_hard"].processor.min_pt == 5.0
    train.save(folder / "saved.yaml")
    text = (folder / "saved.yaml").read_text()
    assert str(tmp_path) not in text
    (folder / "saved.yaml").rename(folder / "again.yaml")
    assert Train.load(folder / "again.yaml").hash == train.hash


def test_what_is_needed_comes_first_and_by_itself(tmp_path):
    document = {
        "schema_version": 1,
        "wagons": {
            "late": {"processor": "dsphipi", "parameters": {"track_pt": 3}, "needs": ["early_a"]},
            "early": {
                "processor": "dsphipi",
                "parameters": {"track_pt": 2},
                "variants": {"a": {"pv_tracks": 3}},
                "active": False,
                "needs": ["dsphipi_notebook"],
            },
        },
        "datasets": ["demo"],
    }
    train = loaded(tmp_path, document)
    assert list(train.check()) == ["dsphipi_notebook", "early_a", "late"]
    for name in ("dsphipi_notebook", "early", "early_a"):
        assert list(train.only(name).check())[-1] in {name, "early_a"}
    before = train.resolved["late"].hash
    document["wagons"]["early"]["variants"]["a"]["pv_tracks"] = 4
    assert loaded(tmp_path, document).resolved["late"].hash != before  # of what it needs


def test_the_wagon_itself_need_not_run(tmp_path):
    train = loaded(tmp_path, with_wagon(active=["tight"]))
    assert list(train.check()) == ["dsphipi_tight"]
    assert list(loaded(tmp_path, TRAIN).only("dsphipi_loose").resolved) == ["dsphipi_loose"]
    with raises("train.unknown-wagon", path="dsphip"):
        train.only("dsphip")


def broken(**changes):
    return copy.deepcopy(TRAIN) | changes


TWO = {
    "a": {"processor": "dsphipi", "variants": {"b_c": {"track_pt": 2}}},
    "a_b": {"processor": "dsphipi_notebook", "variants": {"C": {"track_pt": 3}}},
}  # fmt: skip
SLIM_AT = {"skim": {"kind": "slim", "at": "l1"}}
CIRCLE = {
    "a": {"processor": "dsphipi", "needs": ["b"]},
    "b": {"processor": "dsphipi", "needs": ["a"], "parameters": {"track_pt": 2}},
}
A = {"processor": "dsphipi", "datasets": ["demo"]}
READING = {
    "a": {"processor": "dsphipi", "needs": ["b"]},
    "b": A | {"parameters": {"track_pt": 2}},
}


@pytest.mark.parametrize(
    ("document", "code", "path", "line"),
    [
        (broken(schema_version=2), "train.unknown-choice", "schema_version", 2),
        (broken(wagon={}), "train.unknown-key", "wagon", None),
        (broken(wagons={}), "train.wrong-length", "wagons", 10),
        (broken(datasets=[]), "train.wrong-length", "datasets", 31),
        (broken(settings={"worker": 2}), "train.unknown-key", "settings.worker", None),
        (with_values(track_ptt=1), "processor.unknown-parameter", "parameters.track_ptt", 14),
        (with_values(track_pt="1"), "processor.wrong-parameter", "parameters.track_pt", 14),
        (with_values(track_pt=NAN), "processor.wrong-parameter", "parameters.track_pt", 14),
        (with_values(mass_axis={"bin": 1}), "processor.unknown-parameter", "mass_axis.bin", 15),
        (with_wagon(processor="dsphip"), "processor.unknown-name", "dsphipi.processor", 12),
        (with_wagon(processor="no.py:A"), "processor.no-file", "dsphipi.processor", 12),
        (with_wagon(fit="dsphip"), "fit.unknown-fit", "dsphipi.fit", 24),
        (with_wagon(needs=["tight"]), "train.unknown-need", "dsphipi.needs[0]", None),
        (with_wagon(needs=["dsphipi"]), "train.needs-cycle", "dsphipi.needs", None),
        (with_wagon(active=["tigt"]), "train.unknown-variant", "dsphipi.active[0]", None),
        (with_wagon(active=[]), "train.nothing-active", "wagons", 10),
        (with_wagon(variants={"base": {}}), "train.taken-name", "dsphipi.variants.base", None),
        (with_wagon(variants={"a": {"track_pt": 1.2}}), "train.same-wagon", "variants.a", None),
        (with_wagon(outputs={"skim": {}}), "train.missing-key", "dsphipi.outputs.skim.at", None),
        (with_wagon(outputs=SLIM_AT), "train.conflicting-keys", "outputs.skim.at", None),
        (with_wagon(outputs={"skim": {"at": "vertx"}}), "derived.unknown-step", "skim.at", None),
        (with_wagon(datasets=["dem"]), "train.unknown-dataset", "dsphipi.datasets[0]", None),
        (broken(datasets=["demo", "x.json"], wagons=READING), "train.need-not-read",
         "wagons.a.needs[0]", None),
        (broken(datasets=["demo", "x.json"], wagons={"a": A}), "train.unread-dataset",
         "datasets[1]", None),
        (broken(wagons=CIRCLE), "train.needs-cycle", "wagons.a.needs", None),
        (broken(wagons=TWO), "train.same-name", "wagons.a_b.variants.C", None),
        (broken(datasets=["demo", "dem"]), "dataset.unknown-file", "datasets[1]", None),
        (broken(datasets=["demo", "demo"]), "dataset.duplicate-name", "datasets", None),
        (broken(require=">=99"), "train.other-version", "require", None),
        (broken(require="new"), "train.wrong-version", "require", None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path, document, code, path, line):
    place = f"line {line}" if line else ""
    with raises(code, path=path, mentions=("train.json", place)):
        loaded(tmp_path, document).check()


def test_all_that_is_wrong_is_listed(tmp_path):
    document = with_values(track_ptt=1, pv_tracks=-1)
    document["wagons"]["other"] = {"processor": "dsphipy"}
    document["datasets"] = ["dem"]
    mentions = ("track_ptt", "'track_pt'", "pv_tracks", "dsphipy", "'dsphipi'", "dem", "'demo'")
    with raises("processor.unknown-parameter", mentions=mentions) as error:
        loaded(tmp_path, document).check()
    assert len(str(error.value).splitlines()) == 4


def test_parameters_are_checked_beside_keys(tmp_path):
    """Else the errors of parameters would come to light when those of keys are repaired."""
    document = with_values(track_ptt=1)
    document["wagons"]["dsphipi"] |= {"limit": {}, "needs": ["nobody"]}
    document["wagons"]["copy"] = {"processor": "dsphipi", "variants": {"a": {"pv_tracks": -1}}}
    document["wagons"]["also"] = {"processor": "dsphipi", "parameters": {}}
    document["wagons"]["typed"] = {"processor": 3, "parameters": 4}
    names = ("dsphipi.limit", "typed.processor", "typed.parameters", "track_ptt", "pv_tracks")
    with raises("train.unknown-key", mentions=names) as error:
        loaded(tmp_path, document)
    assert len(str(error.value).splitlines()) == len(names)


def test_two_wagons_that_are_the_same_are_named(tmp_path):
    document = broken()
    document["wagons"]["copy"] = {"processor": "dsphipi", "parameters": {"flight_significance": 3}}
    with raises("train.same-wagon", path="wagons.copy", mentions=("'copy'", "'dsphipi_tight'")):
        loaded(tmp_path, document).check()


def test_a_class_of_the_session_runs_and_is_not_saved(tmp_path):
    class Local(DsPhiPi):
        name = "local"

    train = Train([Wagon(Local, variants={"b": {"track_pt": 2.0}})], "demo")
    assert list(train.check()) == ["local", "local_b"]
    assert type(train.processors()[0]) is Local
    with raises("train.class-of-session", path="local"):
        train.save(tmp_path / "x.yaml")
    assert not list(tmp_path.iterdir())


def test_a_check_imports_neither_zfit_nor_a_database(tmp_path):
    loaded(tmp_path, TRAIN)
    program = (
        "import sys, tau3mu.train.__main__ as m;"
        f"code = m.main(['check', {str(tmp_path / 'train.json')!r}]);"
        "heavy = {'zfit', 'tensorflow', 'sqlalchemy', 'dask.distributed', 'matplotlib'};"
        "print(code, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []"


def test_wagons_read_the_datasets_that_they_name(tmp_path):
    """What one needs and the file does not list reads what it reads."""
    wagons = {
        "a": {"processor": "dsphipi", "datasets": ["b.json"], "variants": {"v": {"track_pt": 2}}},
        "c": {"processor": "dsphipi", "parameters": {"track_pt": 3}},
    }
    train = loaded(tmp_path, broken(wagons=wagons, datasets=["demo", "b.json"]))
    assert train.readers() == [("c",), None]
    assert train.wagons["a"].entry.datasets == (str(tmp_path / "b.json"),)
    assert train.only("a").readers() == [(), None]
    train.save(tmp_path / "again.yaml")
    assert train.document(relative_to=tmp_path)["wagons"]["a"]["datasets"] == ["b.json"]
    assert Train.load(tmp_path / "again.yaml") == train
    wagons = {"a": {"processor": "dsphipi", "datasets": ["demo"], "needs": ["tau3mu"]},
              "c": {"processor": "dsphipi", "parameters": {"track_pt": 3}}}  # fmt: skip
    train = loaded(tmp_path, broken(wagons=wagons, datasets=["demo", "b.json"]))
    assert train.readers() == [None, ("c",)]
    assert train.only("a").readers() == [None, ()]
    assert [one.dataset.readers for one in train.only("a").found_datasets()] == [None]
