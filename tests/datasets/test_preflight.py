from __future__ import annotations

import logging
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
import uproot
from errors import raises
from figures import record_figure

from tau3mu.datasets import (
    CheckedFile,
    Dataset,
    FailedFile,
    check_files,
    check_readable_files,
    load_datasets,
    make_chunks,
)


def test_demo(demo_paths):
    columns = {"triplet.mu1.pt", "muon.pt", "hlt.HLT_DoubleMu3_Trk_Tau3mu_v", "l1.L1_DoubleMu"}
    calls = []
    checked = check_files(load_datasets("demo"), columns, on_file=lambda: calls.append(1))
    assert checked == [
        CheckedFile(
            dataset="demo",
            path=path,
            tree="Tree3Mu/ntuple",
            layout="t3m",
            uuid=uuid,
            entries=6000,
            branches=(
                "Mu01_Pt",
                "MuonPt",
                "Trigger_hltdecision",
                "Trigger_hltname",
                "Trigger_l1decision",
                "Trigger_l1name",
                "Triplet2_Mass",
            ),
        )
        for path, uuid in zip(
            demo_paths,
            ["d132d832-d456-4a74-a390-66ffedf96e8f", "25c4a016-7d04-4c97-bcb2-a7ce9fe3f9fd"],
            strict=True,
        )
    ]
    assert len(calls) == 2


def test_trigger_menus_may_differ(nano_file, caplog, nano_columns):
    one = nano_file("a.root", triggers=["L1_DoubleMu0", "HLT_A"])
    two = nano_file("b.root", triggers=["L1_DoubleMu0", "L1_TripleMu_5", "HLT_A"])
    columns = nano_columns | {"l1.L1_DoubleMu", "l1.L1_TripleMu", "hlt.HLT_A_v"}
    first, second = check_files([Dataset("d", dict.fromkeys([one, two]))], columns)
    assert {b for b in first.branches if b.startswith("L1")} == {"L1_DoubleMu0"}
    assert {b for b in second.branches if b.startswith("L1")} == {"L1_DoubleMu0", "L1_TripleMu_5"}
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (
            logging.WARNING,
            f"no branch for trigger l1.L1_TripleMu: it counts as not fired (1 of 2 files): {one}",
        )
    ]


def test_file_without_events(nano_file, caplog, nano_columns):
    empty, full = nano_file("a.root", events=0), nano_file("b.root", events=3)
    checked = check_files([Dataset("d", dict.fromkeys([empty, full]))], nano_columns)
    assert [file.entries for file in checked] == [0, 3]
    assert [r.getMessage() for r in caplog.records] == [f"no events (1 of 2 files): {empty}"]


def test_only_files_without_events(nano_file, nano_columns):
    paths = [nano_file(name, events=0) for name in ("a.root", "b.root")]
    with raises("dataset.no-events", path=paths[0], mentions=("2 files", paths[0])):
        check_files([Dataset("d", dict.fromkeys(paths))], nano_columns)


def test_no_datasets(nano_columns):
    with raises("dataset.no-files"):
        check_files([], nano_columns)


def spelled(path, tmp_path, how):
    other = tmp_path / "other.root"
    if how == "slashes":
        return path.replace("/nano", "//nano")
    if how == "dot":
        return path.replace("/nano", "/./nano")
    if how == "up":
        return path.replace("/nano", f"/../{tmp_path.name}/nano")
    if how == "symlink":
        other.symlink_to(path)
    elif how == "hardlink":
        other.hardlink_to(path)
    elif how == "copy":
        shutil.copy(path, other)
    return str(other)


@pytest.mark.parametrize("how", ["slashes", "dot", "up", "symlink", "hardlink", "copy"])
def test_same_file_twice(nano_file, tmp_path, how, nano_columns):
    path = nano_file()
    again = spelled(path, tmp_path, how)
    with raises("dataset.bad-files", path=again, mentions="1 of 2 files") as error:
        check_files([Dataset("a", {path: None}), Dataset("b", {again: None})], nano_columns)
    _, line = str(error.value).splitlines()
    assert line.startswith(f"  {again} [b]: is ")
    assert f"{path} [a]" in line
    assert ("copy" in line) == (how == "copy")
    named = sum(each in str(error.value) for each in (path, again))
    record_figure(f"duplicate: {how}", events_in=20, events_out=0, named=named)


def test_all_problems_come_at_once(tmp_path, nano_file, t3m_file, nano_columns):
    good = nano_file("good.root")
    bad = nano_file("bad.root", run="float32", event="float32")
    copy = shutil.copy(good, tmp_path / "copy.root")
    with raises("dataset.bad-files", path="/nowhere/x.root", mentions="3 of 4 files") as error:
        check_files(
            [
                Dataset("a", {"/nowhere/x.root": None, good: None}),
                Dataset("b", {bad: "Events", str(copy): None}),
            ],
            nano_columns,
        )
    expected = [
        ("/nowhere/x.root [a]", "no such file"),
        (f"{bad} [b]", "'event' is float32", "uint64", "nano"),
        (f"{bad} [b]", "'run' is float32", "uint32", "nano"),
        (f"{copy} [b]", "copy", f"{good} [a]"),
    ]
    for line, parts in zip(str(error.value).splitlines()[1:], expected, strict=True):
        assert all(part in line for part in parts), line


def test_many_equal_problems_are_counted(nano_file, nano_columns):
    files = {nano_file(): None} | {f"/nowhere/{i}.root": None for i in range(144)}
    with raises("dataset.bad-files", mentions="144 of 145 files") as error:
        check_files([Dataset("d", files)], nano_columns)
    _, *lines, last = str(error.value).splitlines()
    named = [line.strip().partition(" [d]")[0] for line in lines]
    assert named == [f"/nowhere/{i}.root" for i in range(20)]
    assert "124 more" in last


def test_missing_library_is_said_once(monkeypatch, nano_columns):
    def refuse(*args, **options):
        message = "Install fsspec-xrootd to access xrootd storage system."
        raise ImportError(message)

    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)  # else that is what is said
    monkeypatch.setattr(uproot, "ReadOnlyFile", refuse)
    urls = [f"root://host//{i}.root" for i in range(50)]
    with raises("dataset.missing-library", path=urls[0], mentions="fsspec-xrootd") as error:
        check_files([Dataset("d", dict.fromkeys(urls))], nano_columns)
    assert urls[1] not in str(error.value)


def test_files_are_opened_side_by_side_and_reported_in_order(nano_file, monkeypatch, nano_columns):
    paths = [nano_file(f"{i}.root", events=i + 1) for i in range(4)]
    original, started = uproot.ReadOnlyFile, threading.Barrier(4)

    def together(path, **options):
        started.wait(timeout=30)  # breaks unless four threads get here
        time.sleep(0.05 * (4 - int(Path(path).stem)))
        return original(path, **options)

    monkeypatch.setattr(uproot, "ReadOnlyFile", together)
    checked = check_files([Dataset("d", dict.fromkeys(paths))], nano_columns, workers=4)
    assert [file.entries for file in checked] == [1, 2, 3, 4]


def test_file_and_its_url_are_a_copy(server, nano_file, problems_of, nano_columns):
    path = nano_file("good.root")
    assert problems_of([path, f"{server}/good.root"], nano_columns) == [
        f"is a copy of {path} [d]; its events would count twice"
    ]


def test_files_with_the_same_uuid(tmp_path, nano_file, problems_of, nano_columns):
    """A copy to which something was added would give its events a second time."""
    path = nano_file("a.root")
    copy = Path(shutil.copy(path, tmp_path / "b.root"))
    with uproot.update(copy) as file:
        file.mktree("more", {"x": "int32"}).extend({"x": [1, 2, 3]})
    assert problems_of([path, str(copy)], nano_columns) == [
        (
            f"has the UUID of {path} [d] but another size, so one was made from the other; its "
            "events would count twice"
        )
    ]


def test_slashes_and_ports_in_urls_are_no_difference(server, nano_file, problems_of, nano_columns):
    """A file would be read twice because its URL is written in two ways."""
    nano_file("good.root")
    again = server.replace("localhost", "LOCALHOST") + "//good.root"
    with raises("dataset.listed-twice", path=again, mentions=f"{server}/good.root"):
        Dataset("d", dict.fromkeys([f"{server}/good.root", again]))


@pytest.mark.parametrize("name", ["a\x1b[2J.root", "b\nc.root", "<script>.root"])
def test_odd_names(tmp_path, nano_file, name, nano_columns, caplog):
    """The name of a file could clear the terminal, or write a line of its own."""
    path = Path(nano_file("x.root", events=0)).rename(tmp_path / name)
    full = nano_file("full.root")
    checked = check_files([Dataset("d", dict.fromkeys([str(path), full]))], nano_columns)
    assert [file.entries for file in checked] == [0, 10]
    (record,) = caplog.records
    assert record.getMessage().isprintable()
    path.write_bytes(b"")
    with raises("dataset.bad-files", mentions="1 of 2 files") as error:
        check_files([Dataset("d", dict.fromkeys([str(path), full]))], nano_columns)
    _, second = str(error.value).splitlines()
    assert second.isprintable()
    assert ("<script>" in name) == ("<script>" in second)
    n_events = sum(file.entries for file in checked)
    record_figure(f"name of a file: {name!r}", events_in=10, events_out=n_events)


def test_a_name_that_is_no_text(tmp_path, nano_file, nano_columns):
    """It could not be written into any result, which would be noticed after the work."""
    path = Path(nano_file("x.root")).rename(tmp_path / "\udce4.root")
    with raises("dataset.bad-files", mentions="UTF-8") as error:
        check_files([Dataset("d", {str(path): None})], nano_columns)
    assert str(error.value).isascii()


def test_files_that_cannot_be_read_are_returned(tmp_path, nano_file, nano_columns):
    """One bad file of a thousand would stop the run, or vanish without a name."""
    good, cut = nano_file("good.root"), nano_file("cut.root")
    content = Path(cut).read_bytes()
    Path(cut).write_bytes(content[:-10])
    missing = str(tmp_path / "missing.root")
    datasets = [Dataset("a", {cut: None}), Dataset("b", dict.fromkeys([missing, good]))]
    checked, rejected = check_readable_files(datasets, nano_columns)
    assert [file.path for file in checked] == [good]
    assert rejected == [
        FailedFile(
            "a", cut, "bad_file",
            f"is cut: {len(content) - 10} bytes, expected {len(content)}; copy it again",
        ),
        FailedFile("b", missing, "bad_file", "no such file: check the path and the prefix"),
    ]  # fmt: skip
    assert [chunk.path for chunk in make_chunks(checked, datasets, 100)] == [good]


def test_no_file_that_can_be_read(tmp_path, nano_columns):
    """A run without any file would end as if there were nothing to find."""
    with raises("dataset.bad-files", path="nothing.root", mentions="nothing.root [d]"):
        check_readable_files([Dataset("d", {f"{tmp_path}/nothing.root": None})], nano_columns)


def test_copies_are_never_left_out(tmp_path, nano_file, nano_columns):
    """Events would count twice where bad files are left out."""
    path = nano_file()
    shutil.copy(path, tmp_path / "copy.root")
    files = dict.fromkeys([path, f"{tmp_path}/copy.root", f"{tmp_path}/missing.root"])
    with raises("dataset.bad-files", path="copy.root", mentions=("copy of", "1 of 3 files")):
        check_readable_files([Dataset("d", files)], nano_columns)
