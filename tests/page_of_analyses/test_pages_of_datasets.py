"""Pages of datasets: versions, changes, files, parents and users."""

from __future__ import annotations

import pytest
from page_reading import HOSTILE, Page, client, hostile, made_test
from sqlalchemy import create_engine, text

from tau3mu.datasets import CheckedFile, Dataset
from tau3mu.train.dataset_changes import change_between
from tau3mu.train.index import Index
from tau3mu.train.page.versions import all_versions, change
from tau3mu.train.registered import Parent, read_registered
from tau3mu.train.registry import Registry
from tau3mu.train.store import Store

REGISTERED = "Registered datasets, their current versions"
VERSIONS = "Versions, the newest first"
USED = "Datasets that were made from it, tests and trains that have read it"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def add(store, name, numbers, *, parent=None, folder="/data", description=None, **facts):
    paths = {number: f"{folder}/f_{number}.root" for number in numbers}
    dataset = Dataset(name, dict.fromkeys(paths.values()), **facts)
    files = [
        CheckedFile(name, path, "T", "t3m", f"uuid-{name}-{number}", 100 + number, (), size=1000)
        for number, path in paths.items()
    ]
    added = Registry(store).add(dataset, files, parent=parent, description=description)
    return added.dataset


def get(store, path):
    return Page(client(store).get(path))


def test_all_datasets_with_what_they_are_made_from_and_who_uses_them(store):
    whole = add(store, "whole", range(3), era="2017", lumi=4.8, description="all of it")
    parent = Parent(dataset="whole", version=whole.version)
    add(store, "skim", range(1), parent=parent, is_mc=True)
    made_test(store, "a", datasets=["whole"])
    made_test(store, "a", datasets=["whole"])
    page = get(store, "/datasets")
    head, skim, row = page.tables[REGISTERED]
    found = dict(zip(head, row, strict=True))
    assert found["Dataset"] == "whole"
    assert found["Version"] == whole.version[:12]
    assert (found["Files"], found["Events"], found["Size"]) == ("3", "303", "3 kB")
    assert (found["Era"], found["Kind"], found["Luminosity [fb⁻¹]"]) == ("2017", "data", "4.8")
    assert found["Used by"] == "2 tests, 1 dataset"
    assert found["Description"] == "all of it"
    assert dict(zip(head, skim, strict=True))["Made from"] == "whole"
    assert "./datasets/whole" in page.links


def test_versions_have_their_changes_and_users_what_changed_since(store):
    first = add(store, "d", range(2), lumi=4.8)
    made_test(store, "a", datasets=["d"], parts={"dataset d": first.version})
    second = add(store, "d", range(3), lumi=5.0)
    child = add(store, "c", [7], parent=Parent(dataset="d", version=second.version))
    page = get(store, "/datasets/d")
    rows = page.tables[VERSIONS][1:]
    assert [row[0] for row in rows] == ["2", "1"]
    assert rows[0][1] == second.version[:12]
    assert rows[0][4:] == ["3", "303", "+1 file, +102 events, lumi: 4.8 → 5.0"]
    assert rows[1][4:] == ["2", "201", "new"]
    uses = {row[0]: row[1:] for row in page.tables[USED][1:]}
    assert uses == {
        "test 1 of a": [first.version[:12], "+1 file, +102 events, lumi: 4.8 → 5.0"],
        "dataset c": [second.version[:12], "nothing"],
    }
    assert {"../tests/a/1", "../datasets/c"} <= set(page.links)
    old = get(store, f"/datasets/d?version={first.version[:8]}")
    assert old.facts()["events"] == "201"
    made = get(store, f"/datasets/{child.name}")
    assert f"../datasets/d?version={second.version}" in made.links


def test_files_come_in_pages_and_short_views_have_their_events(store):
    dataset = add(store, "d", range(250))
    page = get(store, "/datasets/d?page=3")
    caption = "Files 201 to 250 of 250"
    rows = page.tables[caption][1:]
    assert [row[0] for row in rows] == [f"/data/f_{number}.root" for number in range(200, 250)]
    assert rows[0][1:4] == ["300", "1 kB", "T"]
    assert "../datasets/d?page=2" in page.links
    views = next(rows for text, rows in page.tables.items() if text.startswith("Short views"))
    events = sum(-(-(100 + number) // 10) for number in range(250))
    assert views[-1] == ["d@short:0.1", f"{events:,}"]
    assert dataset.events == sum(100 + number for number in range(250))


def test_pages_of_datasets_need_no_index(store):
    add(store, "d", range(2))
    Index(store).refresh()
    engine = create_engine(f"sqlite:///{store.root / 'index.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE tau3mu_store SET version = 99"))
    engine.dispose()
    page = get(store, "/datasets")
    assert page.status == 200
    assert page.tables[REGISTERED][1][3:5] == ["2", "201"]
    assert str(store.root / "index.sqlite") in page.html
    one = get(store, "/datasets/d")
    assert one.status == 200
    assert USED not in one.tables
    assert str(store.root / "index.sqlite") in one.html
    assert get(store, "/").status == 200


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"files": 3}', '{"files": [3]}', '{"files": [{"entries": 1}]}']
)
def test_damaged_versions_are_named(store, damage):
    first = add(store, "d", range(2))
    path = store.datasets / "d" / f"{first.version}.json"
    path.write_text(damage)
    page = get(store, "/datasets/d")
    assert page.status == 200
    assert path.name in page.html
    listed = get(store, "/datasets")
    assert "damaged" in listed.tables[REGISTERED][1][3]


@pytest.mark.parametrize(
    ("path", "status"),
    [("x", 404), ("d?version=ffff", 404), ("%2e%2e", 404), ("d?page=99", 200), ("d?page=0", 400)],
)
def test_unknown_datasets_and_pages(store, path, status):
    add(store, "d", range(2))
    assert client(store).get(f"/datasets/{path}").status_code == status


def test_names_of_others_are_text(store):
    facts = {"era": HOSTILE, "extra": {HOSTILE: HOSTILE}, "description": HOSTILE}
    add(store, "d", range(2), folder=f"/{HOSTILE}", **facts)
    page = get(store, "/datasets")
    assert not hostile(page)
    one = get(store, "/datasets/d")
    assert one.status == 200
    assert not hostile(one)
    assert one.html.count("&lt;img src=x") >= 6


def test_without_datasets_the_page_says_how_to_register_one(store):
    page = get(store, "/datasets")
    assert page.status == 200
    assert "datasets add" in page.html
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (range(5), range(2, 9)),
        ([0, 1], [1]),
        (range(3), range(3)),
    ],
)
def test_a_change_is_that_of_all_files(store, before, after):
    add(store, "d", before, lumi=4.8)
    add(store, "d", after, lumi=5.0)
    *_, old, new = all_versions(store, "d")
    slow = str(change_between(read_registered(old.path), read_registered(new.path)))
    assert change(old, new) == slow != "nothing"
    assert old is all_versions(store, "d")[-2]  # it is not read again
