"""`--resume DIR` alone goes on with what the folder recorded; what contradicts it is an error."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import uproot
from test_resume import events_of, ledger, run

from tau3mu.run.front import settings_of
from tau3mu.run.options import parser
from tau3mu.run.resume import recorded_options
from tau3mu.run.settings import Settings


def error(capsys):
    return " ".join(capsys.readouterr().err.split())


def record(folder):
    return json.loads((folder / "run.json").read_text())


def test_from_another_folder_with_nothing_else(stopped, counting, tmp_path, monkeypatch):
    """Without the record it was refused, or it would have been a run of the demo."""
    (_, bad), whole = stopped
    shutil.copy(whole, bad)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run(["--resume", "../out"]) == 0
    assert events_of(tmp_path / "out") == 12000
    assert 1 <= len(counting.calls()) <= 12
    assert [line["outcome"] for line in ledger(tmp_path / "out")].count("resumed") >= 12
    assert (tmp_path / "out" / "Mine" / "candidates.root").is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_relative_paths_patterns_and_the_format_are_recorded(
    counting, demo, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    counting.write()
    (tmp_path / "ntuples").mkdir()
    shutil.copy(demo[0], "ntuples/x_1.root")
    arguments = [
        "ntuples/x_*.root", "--processor", "counting.py:Mine", "--chunk-size", "2000", "--no-fit",
        "--candidates", "parquet", "--output", "out",
    ]  # fmt: skip
    assert run(arguments) == 0
    options = record(tmp_path / "out")["options"]
    assert options["files"] == [f"{tmp_path}/ntuples/x_*.root"]
    assert options["processors"] == [f"{tmp_path}/counting.py:Mine"]
    assert (options["chunk_size"], options["candidates"]) == (2000, "parquet")
    assert options["no_fit"] is True
    counting.forget()  # a file that the processor names is a part of what it does
    capsys.readouterr()
    monkeypatch.chdir("/")
    assert run(["--resume", tmp_path / "out"]) == 0
    assert "is complete already" in error(capsys)
    monkeypatch.chdir(tmp_path)  # the same words from the same place are no contradiction
    assert run([*arguments[:-2], "--resume", "out"]) == 0
    monkeypatch.chdir(tmp_path / "ntuples")  # nor are other words for the same paths
    same = ["../ntuples/x_*.root", "--processor", "../counting.py:Mine"]
    assert run(["--resume", "../out", *same]) == 0


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (["--chunk-size", "400"], ["--chunk-size 400", "--chunk-size 500"]),
        (["--candidates", "parquet"], ["--candidates parquet", "--candidates root"]),
        (["--dataset", "demo"], ["--dataset demo", "without --dataset"]),
        (["--max-files", "1"], ["--max-files 1", "without --max-files"]),
        (["--fit", "dsphipi"], ["--fit dsphipi", "without --fit"]),
        (["--layout", "t3m"], ["--layout t3m", "without --layout"]),
        (["--processor", "dsphipi"], ["--processor dsphipi", "counting.py:Mine"]),
        (["other.root"], ["other.root", "good.root"]),
        (["--prefix", "root://h//x"], ["--prefix root://h//x", "without --prefix"]),
    ],
)
def test_what_contradicts_the_record_is_named(given, parts, stopped, counting, tmp_path, capsys):
    before = (tmp_path / "out" / "run.json").read_bytes()
    assert run(["--resume", tmp_path / "out", *given]) == 1
    text = error(capsys)
    for part in parts:
        assert part in text
    assert counting.calls() == []
    assert (tmp_path / "out" / "run.json").read_bytes() == before


def test_a_fit_that_was_recorded_is_not_left_out(counting, demo, tmp_path, capsys):
    counting.write()
    arguments = ["--processor", f"{counting.file}:Mine", demo[0], "--output", tmp_path / "out"]
    assert run(arguments) == 0
    assert run(["--resume", tmp_path / "out", "--no-fit"]) == 1
    assert "--no-fit is given, recorded is a run without --no-fit" in error(capsys)


def test_how_to_run_may_be_given_again_and_is_recorded(stopped, tmp_path):
    (_, bad), whole = stopped
    arguments = ["--executor", "futures", "--workers", "1", "--retries", "0", "--skip-bad-files"]
    assert run(["--resume", tmp_path / "out", *arguments]) == 2
    options = record(tmp_path / "out")["options"]
    assert (options["executor"], options["workers"], options["retries"]) == ("futures", 1, 0)
    assert options["skip_bad_files"] is True
    assert events_of(tmp_path / "out") == 6000
    shutil.copy(whole, bad)
    assert run(["--resume", tmp_path / "out"]) == 0  # on as many processes, as recorded last
    configuration = record(tmp_path / "out")["configuration"]
    assert (configuration["executor"], configuration["workers"]) == ("futures", 1)
    assert events_of(tmp_path / "out") == 12000


def test_a_file_that_no_pattern_lists_any_more_is_not_lost_in_silence(
    counting, demo, tmp_path, capsys
):
    """A run of two files came to the end with one of them, exit code 0."""
    for number, path in enumerate(demo):
        shutil.copy(path, tmp_path / f"x_{number}.root")
    counting.write(body="assert len(list(LOG.parent.glob('x_*'))) < 2 or number < 5000")
    arguments = ["--no-fit", "--processor", f"{counting.file}:Mine", "--chunk-size", "500"]
    assert run([*arguments, tmp_path / "x_*.root", "--output", tmp_path / "out"]) == 1
    (tmp_path / "x_1.root").rename(tmp_path / "moved.root")
    capsys.readouterr()
    assert run(["--resume", tmp_path / "out"]) == 1
    assert f"{tmp_path / 'x_1.root'}" in error(capsys)
    assert not (tmp_path / "out" / "Mine").exists()


def test_every_option_is_recorded_but_those_of_this_start():
    names = set(vars(parser().parse_args([])))
    recorded = set(Settings().recorded())
    assert names - recorded == {
        "resume", "output", "list", "performance_report", "dashboard",
    }  # fmt: skip
    assert recorded <= names


def given_by(*words):
    options = vars(parser().parse_args([str(word) for word in words]))
    return {name: value for name, value in options.items() if name != "list"}


def options_of(*words):
    return Settings(**Settings.of(**given_by(*words)).recorded())


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        (["~nosuchuser/x.root"], "files", "{}/~nosuchuser/x.root"),
        (["FILE://localhost/a/x.root"], "files", "/a/x.root"),
        (["--dataset", "~nosuchuser/x.json"], "datasets", "{}/~nosuchuser/x.json"),
        (["--processor", "~nosuchuser/p.py:P"], "processors", "{}/~nosuchuser/p.py:P"),
        (["--fit", "~/fit.json"], "fit", "/home/me/fit.json"),
        (["--dataset", "demo", "--prefix", "file:///a"], "prefix", "/a"),
        (["--dataset", "demo", "--prefix", "root://host//a"], "prefix", "root://host//a"),
    ],
)
def test_paths_are_recorded_as_they_are_read(arguments, name, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    found = getattr(options_of(*arguments), name)
    assert (found if isinstance(found, list) else [found]) == [expected.format(tmp_path)]


def resumed(tmp_path, recorded, *given):
    content = {"datasets": {}, "options": recorded.model_dump(mode="json")}
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert recorded_options(tmp_path) == recorded
    return settings_of(given_by("--resume", tmp_path, *given))


ON_DASK = (
    "--executor", "dask", "--scheduler", "tls://old:8786", "--site", "/site.toml", "--insecure",
)  # fmt: skip


def test_a_recorded_scheduler_is_used_again(tmp_path):
    options = resumed(tmp_path, options_of(*ON_DASK, "--proxy", "/tmp/proxy"))
    assert (options.executor, options.scheduler) == ("dask", "tls://old:8786")
    assert options.insecure is True
    assert (options.site, options.proxy) == (Path("/site.toml"), Path("/tmp/proxy"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--executor", "futures"], ("futures", None, None, None, False)),
        (["--scheduler", "tls://new:1"], ("dask", "tls://new:1", None, None, False)),
        (["--cluster", "batch"], ("dask", None, "batch", None, False)),
    ],
)
def test_another_place_takes_nothing_of_the_recorded_one(given, expected, tmp_path):
    """What was accepted of one scheduler, such as no TLS, is not accepted of another."""
    options = resumed(tmp_path, options_of(*ON_DASK), *given)
    found = (
        options.executor, options.scheduler, options.cluster, options.site, options.insecure
    )  # fmt: skip
    assert found == expected


@pytest.mark.parametrize("name", ["files", "scheduler"])
def test_a_secret_is_not_recorded_and_has_to_be_given_again(name, counting, tmp_path, capsys):
    url = "root://user:hush@host:1094//x.root"
    words = [url] if name == "files" else ["--executor", "dask", "--scheduler", url]
    recorded = options_of(*words)
    assert "hush" not in recorded.model_dump_json()
    content = {"datasets": {}, "options": recorded.model_dump(mode="json")}
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert run(["--resume", tmp_path]) == 1
    assert "give this option again" in error(capsys)
    again = resumed(tmp_path, recorded, *words)
    assert getattr(again, name) in (url, [url])


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("[]", "object"),
        ("{", "JSON"),
        ('{"datasets": {}, "options": 7}', "options"),
        ('{"datasets": {}, "options": {"files": 3}}', "options.files"),
        ("[" * 100_000, "100 levels"),
        (f'{{"datasets": {{}}, "options": {{"retries": {"9" * 5000}}}}}', "JSON"),
    ],
)
def test_a_damaged_record_is_one_message(content, key, tmp_path, capsys):
    (tmp_path / "run.json").write_text(content)
    assert run(["--resume", tmp_path]) == 1
    text = error(capsys)
    assert text.count("error:") == 1
    assert str(tmp_path / "run.json") in text
    assert key in text


@pytest.mark.parametrize("name", [".lock", "log.txt"])
def test_a_folder_without_a_record_asks_for_the_data(name, tmp_path, capsys):
    """It must not take the demo for what the run was about."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).touch()
    assert run(["--resume", tmp_path / "out"]) == 1
    assert "FILES or --dataset" in error(capsys)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


DAMAGES = [
    ("exit_code", None), ("exit_code", "0"), ("exit_code", []), ("exit_code", True),
    ("exit_code", 1.5), ("exit_code", -1), ("status", None), ("status", {}), ("complete", "yes"),
    ("key", 3), ("datasets", None), ("datasets", ["files"]), ("datasets", {"files": None}),
]  # fmt: skip


@pytest.fixture
def complete(counting, command, tmp_path, demo):
    counting.write()
    assert run(command(files=demo[:1])) == 0
    counting.forget()
    return tmp_path / "out" / "run.json"


def test_a_damaged_run_json_is_one_message_and_the_results_stay(complete, counting, capsys):
    """`"exit_code": null` was a traceback; other types made a complete run again."""
    before = {path: path.read_bytes() for path in complete.parent.rglob("*.*")}
    content = json.loads(complete.read_text())
    capsys.readouterr()
    for key, value in DAMAGES:
        complete.write_text(json.dumps({**content, key: value}))
        assert run(["--resume", complete.parent]) == 1
        text = error(capsys)
        assert text.count("error:") == 1
        assert f"{complete}, line " in text
        assert f": {key}" in text
    assert counting.calls() == []
    complete.write_bytes(before[complete])
    assert {path: path.read_bytes() for path in complete.parent.rglob("*.*")} == before
    assert run(["--resume", complete.parent]) == 0


@pytest.mark.parametrize(
    "content", ["{}", "[]", '{"processors": 3}', '{"version": 3, "processors": [1]}', "\x00"]
)
def test_a_damaged_plan_is_left_aside(content, stopped, counting, tmp_path):
    """The options are those of run.json then, and all files are checked again."""
    (_, bad), whole = stopped
    shutil.copy(whole, bad)
    (tmp_path / "out" / "checked_files.json").write_text(content)
    assert run(["--resume", tmp_path / "out"]) == 0
    assert events_of(tmp_path / "out") == 12000
    assert len(counting.calls()) <= 12


def test_a_file_that_stays_bad_gives_the_same_again(stopped, tmp_path):
    """With the good files known, it was "problems in 1 of 1 files" and exit code 1."""
    (_, bad), _ = stopped
    bad.write_bytes(bad.read_bytes()[:9000])  # cannot be opened any more
    assert run(["--resume", tmp_path / "out", "--skip-bad-files"]) == 2
    before = (tmp_path / "out" / "Mine" / "histograms.json").read_bytes()
    assert run(["--resume", tmp_path / "out"]) == 2
    assert events_of(tmp_path / "out") == 6000
    assert (tmp_path / "out" / "Mine" / "histograms.json").read_bytes() == before


def test_a_file_without_events_in_the_place_of_a_bad_one(stopped, tmp_path):
    """With the good files known, it was "none of the 1 files holds events"."""
    (good, bad), _ = stopped
    with uproot.open(good) as file, uproot.recreate(bad) as new:
        new.mkdir("Tree3Mu").mkrntuple("ntuple", file["Tree3Mu/ntuple"].arrays()[:0])
    assert run(["--resume", tmp_path / "out"]) == 0
    assert events_of(tmp_path / "out") == 6000
