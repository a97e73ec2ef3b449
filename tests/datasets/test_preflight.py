from __future__ import annotations

import logging
import shutil
import threading
import time
from pathlib import Path

import pytest
import uproot

from tau3mu.datasets import CheckedFile, Dataset, check_files, load_datasets
from tau3mu.errors import InputError


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
    with pytest.raises(InputError) as error:
        check_files([Dataset("d", dict.fromkeys(paths))], nano_columns)
    assert str(error.value) == f"none of the 2 files holds events, for example {paths[0]}"


def test_no_datasets(nano_columns):
    with pytest.raises(InputError, match="there are no files to read"):
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
    relation = "a copy of" if how == "copy" else "the same file as"
    with pytest.raises(InputError) as error:
        check_files([Dataset("a", {path: None}), Dataset("b", {again: None})], nano_columns)
    assert str(error.value).splitlines() == [
        "problems in 1 of 2 files:",
        f"  {again} [b]: is {relation} {path} [a]; its events would count twice",
    ]


def test_all_problems_come_at_once(tmp_path, nano_file, t3m_file, nano_columns):
    good = nano_file("good.root")
    bad = nano_file("bad.root", run="int32", event="int32")
    copy = shutil.copy(good, tmp_path / "copy.root")
    with pytest.raises(InputError) as error:
        check_files(
            [
                Dataset("a", {"/nowhere/x.root": None, good: None}),
                Dataset("b", {bad: "Events", str(copy): None}),
            ],
            nano_columns,
        )
    assert str(error.value).splitlines() == [
        "problems in 3 of 4 files:",
        "  /nowhere/x.root [a]: no such file: check the path and the prefix",
        f"  {bad} [b]: branch 'event' is int32, expected uint64 (layout nano)",
        f"  {bad} [b]: branch 'run' is int32, expected uint32 (layout nano)",
        f"  {copy} [b]: is a copy of {good} [a]; its events would count twice",
    ]


def test_many_equal_problems_are_counted(nano_file, nano_columns):
    files = {nano_file(): None} | {f"/nowhere/{i}.root": None for i in range(144)}
    with pytest.raises(InputError) as error:
        check_files([Dataset("d", files)], nano_columns)
    assert str(error.value).splitlines() == [
        "problems in 144 of 145 files:",
        *(
            f"  /nowhere/{i}.root [d]: no such file: check the path and the prefix"
            for i in range(20)
        ),
        "  ... and 124 more: no such file",
    ]


def test_missing_library_is_said_once(monkeypatch, nano_columns):
    def refuse(*args, **options):
        message = "Install fsspec-xrootd to access xrootd storage system."
        raise ImportError(message)

    monkeypatch.setattr(uproot, "ReadOnlyFile", refuse)
    urls = [f"root://host//{i}.root" for i in range(50)]
    with pytest.raises(InputError) as error:
        check_files([Dataset("d", dict.fromkeys(urls))], nano_columns)
    assert str(error.value) == (
        "root://host//0.root cannot be read here: Install fsspec-xrootd to access xrootd storage "
        "system."
    )


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
