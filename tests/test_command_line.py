"""Wrong usage of the command line, the command `tau3mu`, and completion in shells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from errors import raises

from tau3mu.__main__ import _PROGRAMS, main
from tau3mu.errors import Tau3muError
from tau3mu.run.__main__ import _run
from tau3mu.run.options import parser
from tau3mu.run.settings import Settings, option_of

CASES = {
    "prefix without dataset": ["--prefix", "root://h//store"],
    "fit and no fit": ["--fit", "dsphipi", "--no-fit"],
    "scheduler without dask": ["--scheduler", "tls://h:8786"],
    "workers in one process": ["--workers", "4"],
    "workers of a running cluster": [
        "--executor", "dask", "--scheduler", "tls://h:8786", "--workers", "4",
    ],
    "scheduler and cluster": [
        "--executor", "dask", "--scheduler", "tls://h:8786", "--cluster", "slurm",
    ],
    "insecure local cluster": ["--executor", "dask", "--insecure"],
    "site without cluster": ["--executor", "dask", "--site", "site.toml"],
    "dashboard without dask": ["--dashboard"],
    "report without dask": ["--performance-report", "report.html"],
    "allowed to miss but not to skip": ["--allow-missing", "0.1"],
    "resume with output": ["--resume", "old", "--output", "new"],
    "resume of nothing": ["--resume", "nowhere"],
    "output in use": ["--output", "used"],
    "resume of an empty record": ["--resume", "begun"],
    "resume with another chunk size": ["--resume", "recorded", "--chunk-size", "5"],
    "resume of a damaged record": ["--resume", "damaged"],
}  # fmt: skip


def prepare_folder():
    """Fills the working directory with what the cases need."""
    for name, file, content in (
        ("used", "thesis.tex", ""),
        ("begun", "log.txt", ""),
        ("recorded", "run.json", json.dumps({"options": Settings(files=["/x.root"]).recorded()})),
        ("damaged", "run.json", '{"options": {"chunk_size": "many"}}'),
    ):
        Path(name).mkdir()
        Path(name, file).write_text(content)


@pytest.mark.parametrize("case", CASES)
def test_sentences(case, tmp_path, monkeypatch, sentences):
    monkeypatch.chdir(tmp_path)
    prepare_folder()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Tau3muError) as error:
        _run(parser().parse_args(CASES[case]))
    sentences.check("command_line", case, error.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_golden_file_has_these_cases_and_no_others(sentences):
    sentences.check_cases("command_line", CASES)


def test_each_option_is_declared_once_for_all():
    words = {word for action in parser()._actions for word in action.option_strings}
    for name in Settings.model_fields:
        option = option_of(name)
        assert option.help
        flag = option.flag or f"--{name.replace('_', '-')}"
        assert name == "files" or flag in words
    with raises("run.unknown-key", path="list"):  # says something, and is no setting of a run
        Settings.of(list=True)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_defaults_are_what_the_help_says(name):
    default = Settings.model_fields[name].default
    if default not in (None, False, []):
        assert f"(default: {default})" in option_of(name).help


def test_programs_are_listed_with_a_line_each(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    for name, text in _PROGRAMS.items():
        assert f"tau3mu {name} " in shown
        assert text in shown


@pytest.mark.parametrize("program", _PROGRAMS)
def test_each_program_is_one_of_the_package(program, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([program, "--help"])
    assert exit_.value.code == 0
    assert f"usage: python -m tau3mu.{program}" in capsys.readouterr().out


def test_the_command_has_its_own_name_in_the_help(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/tau3mu"])
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    shown = capsys.readouterr().out
    assert "usage: tau3mu run " in shown
    assert "  tau3mu run --resume results/2017" in shown
    assert "python -m" not in shown


def test_an_unknown_program(capsys):
    assert main(["rnu"]) == 1
    assert "'run'" in capsys.readouterr().err


def completions(line):
    """What a shell is offered for a line."""
    environment = os.environ | {
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": "/dev/stdout",
        "COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tau3mu"], env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return [word.strip() for word in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tau3mu r", ["run", "report"]),
        ("tau3mu run --exec", ["--executor"]),
        ("tau3mu run --executor d", ["dask"]),
        ("tau3mu fit --inp", ["--input"]),
        ("tau3mu fit toys --num", ["--number"]),
        ("tau3mu generate --eve", ["--events"]),
    ],
)
def test_words_are_completed(line, expected):
    assert completions(line) == expected


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_completion_for_a_shell(shell, capsys):
    assert main(["--print-completion", shell]) == 0
    assert "tau3mu" in capsys.readouterr().out
