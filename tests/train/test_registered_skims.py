"""Derived data in the registry: their parents come from their own records."""

from __future__ import annotations

import json
import shutil

import pytest
from errors import raises

import tau3mu
from tau3mu.train import Train, Wagon, compose, start
from tau3mu.train.registered import Parent
from tau3mu.train.registering import register, unregister
from tau3mu.train.registry import Registry
from tau3mu.train.resolving import resolve_dataset


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tau3mu.run(
        "demo",
        "dsphipi",
        skim=["dsphipi.vertex"],
        no_fit=True,
        output=tmp_path_factory.mktemp("derived") / "run",
    )


@pytest.fixture
def skim(run, tmp_path):
    return shutil.copytree(run.folder / "derived" / "dsphipi_vertex", tmp_path / "skim")


def test_a_skim_takes_its_parent_from_its_record(store, skim, run):
    (demo,) = register(store, ["demo"])
    for source in (skim, skim / "derived.json", skim / "dataset.json"):
        (added,) = register(store, [str(source)])
        expected = Parent(dataset="demo", version=demo.dataset.version, step="vertex")
        assert added.dataset.name == "dsphipi_vertex"
        assert added.dataset.parent == expected
    assert not added.written
    with raises("train.dataset-in-use", mentions="dsphipi_vertex@"):
        unregister(store, "demo")
    (resolved,) = resolve_dataset("dsphipi_vertex", store)
    read = tau3mu.run([resolved.dataset], "dsphipi", no_fit=True, output=skim.parent / "again")
    whole = run["dsphipi"].histogram("mass", dataset="demo")
    assert read["dsphipi"].histogram("mass", dataset="dsphipi_vertex") == whole


def test_the_parent_is_found_under_another_name_by_its_files(store, skim):
    register(store, ["demo"], name="control")
    (added,) = register(store, [str(skim)], name="mine")
    assert (added.dataset.name, added.dataset.parent.dataset) == ("mine", "control")


def test_a_skim_without_its_parent_is_refused(store, skim, demo):
    with raises("train.missing-parent", path="demo"):
        register(store, [str(skim)])
    register(store, [str(demo[0])], name="demo")  # not all of its files
    with raises("train.missing-parent", path="demo"):
        register(store, [str(skim)])
    assert Registry(store).names() == ["demo"]


def test_a_skim_of_a_train_has_the_train_as_parent(store, skim):
    results = store.new_train() / "results" / "derived"
    shutil.copytree(skim, results / "dsphipi_vertex")
    (added,) = register(store, [str(results / "dsphipi_vertex")])
    assert added.dataset.parent == Parent(train=1, step="vertex")
    (demo,) = register(store, ["demo"])
    (again,) = register(store, [str(results / "dsphipi_vertex")])
    assert again.dataset.parent == Parent(
        dataset="demo", version=demo.dataset.version, train=1, step="vertex"
    )


def test_records_that_do_not_fit_together(store, skim):
    register(store, ["demo"])
    path = skim / "dataset.json"
    path.write_text(json.dumps({"other": json.loads(path.read_text())["demo"]}))
    with raises("train.unknown-derived", path="other"):
        register(store, [str(skim)])


def test_one_name_for_one_dataset(store, skim):
    with raises("train.one-name", path="name"):
        register(store, ["demo", "dsphipi_2017"], name="a")


@pytest.mark.integration
def test_linked_data_of_a_train_are_read_by_their_name(store, tmp_path):
    """They were the whole parent, and refused."""
    entry = {"fit": None, "outputs": {"skim": {"kind": "linked", "at": "acceptance"}}}
    train = Train([Wagon("dsphipi", name="links", **entry)], "demo")
    assert start(compose(train, store, force=["links"])) == 0
    (known,) = Registry(store).versions("links_acceptance")
    assert (known.events, known.size) == (4182, None)
    second = Train([Wagon("dsphipi", fit=None)], "links_acceptance")
    folder = compose(second, store, force=["dsphipi"])
    assert start(folder) == 0
    run = tau3mu.open(folder / "results")
    steps = {row["name"]: row["events"] for row in run["dsphipi"].cutflow["links_acceptance"]}
    assert (steps["parent:all"], steps["all"], steps["trigmatch"]) == (12000, 4182, 1480)
    assert len(run["dsphipi"].candidates) == 1480
