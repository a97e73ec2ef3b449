"""The registry: versions by content, parents, and what may not be removed."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import pytest
from errors import raises

from tau3mu.datasets import CheckedFile, Dataset
from tau3mu.datasets.certification import Certification
from tau3mu.train.dataset_changes import DatasetChange
from tau3mu.train.listing import dataset_details
from tau3mu.train.registered import Parent
from tau3mu.train.registry import Registry
from tau3mu.train.resolving import ResolvedDataset, check_version, resolve_dataset
from tau3mu.train.store import Store


@pytest.fixture
def registry(store):
    return Registry(store)


def parent_of(dataset):
    return Parent(dataset=dataset.name, version=dataset.version)


def test_what_is_registered_is_read_back(registry, registrable):
    facts = {"era": "2017B", "is_mc": True, "lumi": 4.8, "extra": {"x": [1, 2.5]}}
    dataset, files = registrable("a", [1, 2], checksum="adler32:0a1b2c3d", **facts)
    added = registry.add(dataset, files, description="two files")
    found = registry.get("a")
    assert added.written
    assert added.before is None
    assert found == added.dataset
    assert (found.era, found.is_mc, found.lumi, found.extra) == ("2017B", True, 4.8, facts["extra"])
    assert (found.events, found.size, found.last.number) == (203, 2003, 1)
    again = found.dataset()
    assert list(again.files) == list(dataset.files)
    assert [again.details_of(path).entries for path in again.files] == [101, 102]
    assert [again.details_of(path).checksum for path in again.files] == ["adler32:0a1b2c3d"] * 2
    assert registry.names() == ["a"]


def test_nothing_is_added_if_nothing_has_changed(registry, registrable):
    first = registry.add(*registrable("a", [1, 2]))
    path = registry.folder / "a" / f"{first.dataset.version}.json"
    before = path.stat().st_mtime_ns, path.read_bytes()
    again = registry.add(*registrable("a", [1, 2]))
    assert not again.written
    assert not again.change
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    assert len(registry.versions("a")) == 1


def test_two_more_files_are_two_more_files(registry, registrable):
    registry.add(*registrable("a", [1, 2], entries=20_000))
    added = registry.add(*registrable("a", [1, 2, 3, 4], entries=20_000))
    assert added.change == DatasetChange(files_added=2, events_added=40_007)
    assert added.text == "+2 files, +40,007 events"
    assert [version.last.number for version in registry.versions("a")] == [1, 2]


def test_files_that_have_gone_and_facts_that_have_changed(registry, registrable):
    registry.add(*registrable("a", [1, 2], lumi=4.8))
    added = registry.add(*registrable("a", [2, 3], lumi=5.0))
    assert added.change == DatasetChange(1, 1, 103, 101, ("lumi: 4.8 → 5.0",))


def test_a_file_that_was_replaced_is_one_less_and_one_more(registry, registrable):
    dataset, files = registrable("a", [1, 2])
    registry.add(dataset, files)
    added = registry.add(dataset, [files[0], replace(files[1], uuid="other")])
    assert added.change == DatasetChange(1, 1, 102, 102)


def test_moved_files_are_the_same_version_in_other_places(registry, registrable):
    first = registry.add(*registrable("a", [1, 2]))
    moved = registry.add(*registrable("a", [1, 2], folder="/moved"))
    assert moved.dataset.version == first.dataset.version
    assert moved.written
    assert not moved.change
    assert list(registry.get("a").dataset().files) == ["/moved/f_1.root", "/moved/f_2.root"]
    assert registry.get("a").last.number == 1


def test_a_content_that_comes_back_is_the_current_one_again(registry, registrable):
    first = registry.add(*registrable("a", [1]))
    registry.add(*registrable("a", [1, 2]))
    third = registry.add(*registrable("a", [1]))
    assert third.dataset.version == first.dataset.version
    assert third.change == DatasetChange(files_removed=1, events_removed=102)
    assert registry.get("a").version == first.dataset.version
    assert [one.number for one in registry.get("a").registered] == [1, 3]
    assert [version.last.number for version in registry.versions("a")] == [2, 3]


def test_versions_by_their_first_digits(registry, registrable):
    old = registry.add(*registrable("a", [1])).dataset
    registry.add(*registrable("a", [1, 2]))
    assert registry.get(f"a@{old.version}") == old
    assert registry.get(f"a@{old.version[:8]}") == old
    for wrong in ("zzzz", old.version[:3]):
        with raises("train.unknown-version", path=f"a@{wrong}", mentions=old.version):
            registry.get(f"a@{wrong}")


def test_unknown_names(registry, registrable):
    with raises("train.unknown-dataset", path="2017"):
        registry.get("2017")
    registry.add(*registrable("2017B", [1]))
    with raises("train.unknown-dataset", path="2017", mentions="2017B"):
        registry.get("2017")
    with raises("train.unknown-dataset", path="../datasets/2017B"):
        registry.get("../datasets/2017B")


def test_parents_and_children(registry, registrable):
    base = registry.add(*registrable("base", [1])).dataset
    skim = registry.add(*registrable("skim", [2]), parent=parent_of(base)).dataset
    slim = registry.add(*registrable("slim", [3]), parent=parent_of(skim)).dataset
    assert registry.ancestors(slim) == [skim, base]
    used = {name: [use.name for use in uses] for name, uses in registry.uses().items()}
    assert used == {"base": [f"skim@{skim.version}"], "skim": [f"slim@{slim.version}"]}
    # The parent stays when the child gets a new version.
    assert registry.add(*registrable("skim", [2, 4])).dataset.parent == parent_of(base)


def test_a_missing_parent_is_an_error(registry, registrable):
    missing = Parent(dataset="base", version="0" * 16)
    with raises("train.missing-parent", path=f"base@{'0' * 16}"):
        registry.add(*registrable("skim", [1]), parent=missing)
    with raises("train.missing-parent", path="train 7, step vertex"):
        registry.add(*registrable("skim", [1]), parent=Parent(train=7, step="vertex"))
    assert registry.names() == []


def test_a_train_can_be_a_parent(registry, registrable):
    registry.store.new_train()
    added = registry.add(*registrable("skim", [1]), parent=Parent(train=1, step="vertex"))
    assert registry.ancestors(added.dataset) == []


def test_a_cycle_is_an_error(registry, registrable):
    base = registry.add(*registrable("base", [1])).dataset
    skim = registry.add(*registrable("skim", [2]), parent=parent_of(base)).dataset
    with raises("train.dataset-cycle", path="base"):
        registry.add(*registrable("base", [1, 3]), parent=parent_of(skim))
    with raises("train.dataset-cycle", path="base"):
        registry.add(*registrable("base", [1, 3]), parent=parent_of(base))
    assert registry.get("base") == base


def test_a_parent_that_was_taken_away_is_found_out(registry, registrable):
    base = registry.add(*registrable("base", [1])).dataset
    registry.add(*registrable("skim", [2]), parent=parent_of(base))
    (registry.folder / "base" / f"{base.version}.json").unlink()
    with raises("train.missing-parent"):
        resolve_dataset("skim", registry.store)


def test_what_is_referred_to_is_not_removed(registry, registrable):
    base = registry.add(*registrable("base", [1])).dataset
    newer = registry.add(*registrable("base", [1, 2])).dataset
    skim = registry.add(*registrable("skim", [3]), parent=parent_of(base)).dataset
    for reference in ("base", f"base@{base.version}"):
        with raises("train.dataset-in-use", path="base", mentions=f"skim@{skim.version}"):
            registry.remove(reference)
    assert registry.versions("base") == [base, newer]
    assert registry.remove(f"base@{newer.version}") == [newer]
    assert registry.get("base") == base
    registry.remove("skim")
    registry.remove("base")
    assert registry.names() == []
    assert not (registry.folder / "base").exists()


def test_a_damaged_version_is_named(registry, registrable):
    version = registry.add(*registrable("a", [1])).dataset.version
    path = registry.folder / "a" / f"{version}.json"
    content = json.loads(path.read_text())
    for change, code in (
        ({"schema_version": 2}, "train.unknown-choice"),
        ({"is_MC": True}, "train.unknown-key"),
        ({"name": "b"}, "train.renamed-version"),
    ):
        path.write_text(json.dumps(content | change))
        with raises(code, mentions=f"{version}.json"):
            registry.get("a")
    path.write_text("{")
    with raises("train.not-json", mentions=f"{version}.json"):
        registry.versions("a")


def test_a_version_that_was_changed_by_hand(registry, registrable):
    dataset, files = registrable("a", [1])
    version = registry.add(dataset, files).dataset.version
    path = registry.folder / "a" / f"{version}.json"
    content = json.loads(path.read_text())
    for change in (
        {"is_mc": True},
        {"lumi": 5.0},
        {"files": [content["files"][0] | {"uuid": "x"}]},
    ):
        path.write_text(json.dumps(content | change))
        with raises("train.changed-version", path=f"a@{version}"):
            dataset_details(registry.store, "a")
        with raises("train.changed-version", path=f"a@{version}"):
            registry.add(dataset, files)
    path.write_text(json.dumps(content | {"is_mc": True}))
    (resolved,) = resolve_dataset("a", registry.store)
    with raises("train.dataset-changed", path="a"):
        check_version(resolved, files)


def test_names_and_paths_that_are_refused(registry, registrable):
    with raises("train.bad-dataset-name", path=".hidden"):
        registry.add(*registrable(".hidden", [1]))
    with raises("train.secret-in-path", path="a") as error:
        registry.add(*registrable("a", [1], folder="https://me:pass@server/data"))
    assert "pass@" not in str(error.value)
    assert registry.names() == []


def test_names_of_train_files(registry, registrable, demo):
    first = registry.add(*registrable("a", [1])).dataset
    second = registry.add(*registrable("a", [1, 2])).dataset
    (now,) = resolve_dataset("a", registry.store)
    (then,) = resolve_dataset(f"a@{first.version}", registry.store)
    assert now == ResolvedDataset(second.dataset(), second.version)
    assert then == ResolvedDataset(first.dataset(), first.version)
    (shipped,) = resolve_dataset("demo", registry.store)
    assert (shipped.dataset.name, shipped.version) == ("demo", None)
    registry.add(*registrable("demo", [7]))
    (own,) = resolve_dataset("demo", registry.store)
    assert list(own.dataset.files) == ["/data/f_7.root"]


def test_a_misspelt_name_is_looked_for_in_the_registry(registry, registrable):
    registry.add(*registrable("double_muon", [1]))
    with raises("dataset.unknown-file", path="doublemuon", mentions="mean 'double_muon'"):
        resolve_dataset("doublemuon", registry.store)


def test_a_dataset_that_is_not_active(registry, registrable):
    registry.add(*registrable("a", [1]))
    registry.set_active("a", False)
    with raises("train.inactive-dataset", path="a"):
        resolve_dataset("a", registry.store)
    assert not registry.add(*registrable("a", [1, 2])).dataset.active
    registry.set_active("a", True)
    assert len(resolve_dataset("a", registry.store)) == 1


def test_files_that_have_changed_since_they_were_registered(registry, registrable):
    dataset, files = registrable("a", [1, 2])
    version = registry.add(dataset, files).dataset.version
    (resolved,) = resolve_dataset("a", registry.store)
    assert check_version(resolved, files) == version
    with raises("train.dataset-changed", path="a"):
        check_version(resolved, [files[0], replace(files[1], uuid="other")])
    assert check_version(ResolvedDataset(dataset), files) == version


def _register(root, number):
    path = f"/data/f_{number}.root"
    file = CheckedFile("a", path, "T", "t3m", f"uuid-{number}", number, ())
    own = Dataset(f"own_{number % 2}", {path: None})
    registry = Registry(Store(root))
    registry.add(Dataset("a", {path: None}), [file])
    registry.add(own, [replace(file, dataset=own.name)])


def test_processes_that_register_at_a_time_lose_nothing(store):
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        list(pool.map(_register, [store.root] * 12, range(1, 13)))
    registry = Registry(store)
    versions = registry.versions("a")
    assert sorted(version.events for version in versions) == list(range(1, 13))
    assert [version.last.number for version in versions] == list(range(1, 13))
    assert [len(registry.versions(f"own_{i}")) for i in (0, 1)] == [6, 6]
    assert not list(registry.folder.rglob(".*"))


def test_certifications_are_part_of_a_version(registry, registrable):
    certified = Certification({297050: ((1, 57), (60, 80))})
    plain = registry.add(*registrable("a", [1])).dataset
    added = registry.add(*registrable("a", [1], certification=certified))
    assert added.dataset.version != plain.version
    assert added.change.facts
    assert registry.get("a").dataset().certification == certified


def test_short_views_are_of_a_version_of_the_whole(registry, registrable):
    dataset, files = registrable("a", [1, 2], lumi=4.8)
    version = registry.add(dataset, files).dataset.version
    for name in ("a@short:0.01", f"a@{version}@short:0.01"):
        (view,) = resolve_dataset(name, registry.store)
        assert (view.dataset.fraction, view.version, view.dataset.lumi) == (0.01, version, None)
        assert check_version(view, files) == version
    with raises("train.short-view", path="a"):
        registry.add(dataset.short(0.01), files)
