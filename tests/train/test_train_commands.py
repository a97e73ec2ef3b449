"""The commands about train files: what they print and return."""

from __future__ import annotations

import copy
import json
from collections import Counter

import pytest
from test_language import TRAIN

from tau3mu.train.__main__ import main


@pytest.fixture
def write(tmp_path):
    def written(document, name="train.json"):
        path = tmp_path / name
        path.write_text(json.dumps(document))
        return str(path)

    return written


def asked(capsys, *words, code=0):
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def changed(**entry):
    document = copy.deepcopy(TRAIN)
    document["wagons"]["dsphipi"] |= entry
    return document


def test_check_says_what_runs(write, capsys):
    found = asked(capsys, "check", write(TRAIN))
    assert found["valid"]
    assert found["datasets"] == ["demo"]
    assert [row["results"] for row in found["wagons"]] == [
        "dsphipi", "dsphipi_tight", "dsphipi_loose",
    ]  # fmt: skip
    assert {row["fit"] for row in found["wagons"]} == {"dsphipi"}
    assert main(["check", write(TRAIN)]) == 0


def test_check_says_what_is_wrong(write, capsys):
    file = write(changed(parameters={"track_ptt": 1, "pv_tracks": -1}))
    found = asked(capsys, "check", file, code=1)
    assert not found["valid"]
    assert found["code"] == "processor.unknown-parameter"
    assert found["path"] == "wagons.dsphipi.parameters.track_ptt"
    assert len(found["problems"]) == 2
    assert main(["check", file]) == 1
    assert "track_ptt" in capsys.readouterr().err


def test_parameters_are_resolved(write, capsys):
    file = write(changed(parameters={"track_pt": 2, "mass_axis": {"bins": 31}}))
    rows = asked(capsys, "parameters", file)
    base = {row["parameter"]: row for row in rows if row["wagon"] == "dsphipi"}
    assert (base["track_pt"]["value"], base["track_pt"]["default"]) == (2.0, 1.2)
    assert base["track_pt"]["unit"] == "GeV"
    assert base["mass_axis"]["value"]["bins"] == 31
    assert base["mass_axis"]["value"]["start"] == 1.65
    tight = [row for row in rows if row["wagon"] == "dsphipi_tight"]
    assert [(row["parameter"], row["value"]) for row in tight] == [("flight_significance", 3.0)]
    rows = asked(capsys, "parameters", file, "dsphipi_tight")
    assert {row["wagon"] for row in rows} == {"dsphipi_tight"}
    assert len(rows) == len(base)
    assert main(["parameters", file, "dsphip"]) == 1


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_tables_of_parameters_lose_no_text(write, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    rows = asked(capsys, "parameters", write(TRAIN))
    assert main(["parameters", write(TRAIN)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    printed = Counter("".join(lines))
    wanted = Counter("".join(row["help"] + row["parameter"] for row in rows))
    for letter in "abcdefghijklmnopqrstuvwxyz":
        assert printed[letter] >= wanted[letter]


def test_two_files_are_compared_by_what_they_mean(write, capsys):
    file = write(TRAIN)
    same = write(changed(parameters={"flight_significance": 2}), "same.json")
    assert asked(capsys, "parameters", file, same) == []
    variants = {"tight": {"flight_significance": 3.5}}
    other = write(changed(variants=variants, fit=None), "other.json")
    rows = asked(capsys, "parameters", file, other)
    found = {(row["wagon"], row["key"]): (row["before"], row["after"]) for row in rows}
    assert found["dsphipi_tight", "parameters.flight_significance"] == (3.0, 3.5)
    assert found["dsphipi_loose", ""] == ("there", None)
    assert found["dsphipi", "fit"] == ("dsphipi", None)
    assert main(["parameters", file, other]) == 0


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "x.yaml", "--resume", "1"),
        ("run", "--resume", "1", "--force", "a"),
        ("run", "x.yaml", "--short", "2"),
        ("promote",),
        ("rerun", "1", "--executer"),
        ("ls", "--state", "DONE"),
    ],
)
def test_wrong_usage_is_an_error(words):
    with pytest.raises(SystemExit) as error:
        main(list(words))
    assert error.value.code == 1


@pytest.mark.parametrize("words", [("show", "7"), ("kill", "x"), ("doctor", "7"), ("rerun", "7")])
def test_trains_that_are_not_there(words, tmp_path):
    assert main([*words, "--store", str(tmp_path)]) == 1


def test_a_store_without_trains_is_an_empty_table(tmp_path, capsys):
    assert asked(capsys, "ls", "--store", str(tmp_path / "none")) == []
    assert not (tmp_path / "none").exists()
    assert main(["ls", "--store", str(tmp_path / "none")]) == 0
    assert str(tmp_path / "none")[:20] in capsys.readouterr().out
