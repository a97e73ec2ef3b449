"""`python -m tau3mu.train datasets` on real files."""

from __future__ import annotations

import json
import shutil

import pytest

from tau3mu.train.__main__ import main


@pytest.fixture
def datasets(capsys, tmp_path, monkeypatch):
    """Runs the command with `--json`, and returns exit code and rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAU3MU_STORE", raising=False)

    def run(*words):
        code = main(["datasets", *words, "--store", "store", "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else printed.err

    return run


@pytest.fixture
def files(demo, tmp_path):
    folder = tmp_path / "skims"
    folder.mkdir()
    shutil.copy(demo[0], folder / "x_1.root")
    return folder


def test_add_says_what_has_changed(datasets, files, demo):
    code, (row,) = datasets("add", "skims/*.root", "--name", "phi", "--description", "of 2017")
    assert (code, row["files"], row["events"], row["written"]) == (0, 1, 6000, True)
    assert row["bytes"] == demo[0].stat().st_size
    code, (again,) = datasets("add", "skims/*.root", "--name", "phi")
    assert (code, again["version"], again["written"]) == (0, row["version"], False)
    shutil.copy(demo[1], files / "x_2.root")
    code, (more,) = datasets("add", "skims/*.root", "--name", "phi")
    assert (code, more["change"]) == (0, "+1 file, +6,000 events")
    code, (listed,) = datasets("ls")
    assert (code, listed["versions"], listed["version"]) == (0, 2, more["version"])
    assert (listed["events"], listed["description"]) == (12000, "of 2017")


def test_dataset_files_parents_and_removal(datasets, files):
    assert datasets("add", "demo")[0] == 0
    code, (skim,) = datasets("add", "skims/x_1.root", "--name", "skim", "--parent", "demo")
    assert code == 0
    assert [row["name"] for row in datasets("ls")[1]] == ["demo", "skim"]
    (derived,) = datasets("ls", "--derived")[1]
    assert derived["name"] == "skim"
    shown = datasets("show", "skim")[1]
    assert shown["facts"]["parent"]["dataset"] == "demo"
    assert [row["name"] for row in shown["parents"]] == ["demo"]
    assert [row["events"] for row in shown["versions"]] == [6000]
    assert shown["files"][0]["path"] == str(files / "x_1.root")
    (use,) = datasets("show", "demo")[1]["used by"]
    assert use["by"] == f"dataset skim@{skim['version']}"
    code, error = datasets("rm", "demo")
    assert code == 1
    assert f"skim@{skim['version']}" in error
    assert datasets("rm", "skim") == (0, [{"removed": f"skim@{skim['version']}"}])
    assert datasets("rm", "demo")[0] == 0
    assert datasets("ls") == (0, [])
    assert (files / "x_1.root").is_file()


def test_activate_and_deactivate(datasets):
    datasets("add", "demo")
    assert datasets("deactivate", "demo")[1][0]["active"] is False
    assert datasets("ls")[1][0]["active"] is False
    assert datasets("activate", "demo")[1][0]["active"] is True


@pytest.mark.parametrize(
    "words",
    [
        ["add", "skims/x_1.root"],  # without a name
        ["add", "skims/x_1.root", "--name", "a", "--parent", "none"],
        ["add", "skims/x_1.root", "skims/none.root", "--name", "a"],
        ["show", "none"],
        ["rm", "none"],
        ["deactivate", "none"],
    ],
)
def test_mistakes_leave_nothing(datasets, files, words):
    code, error = datasets(*words)
    assert code == 1
    assert error
    assert datasets("ls") == (0, [])


def test_tables(datasets, capsys):
    datasets("add", "demo")
    for words in (["ls"], ["show", "demo"], ["deactivate", "demo"]):
        assert main(["datasets", *words, "--store", "store"]) == 0
        assert "demo" in capsys.readouterr().out
