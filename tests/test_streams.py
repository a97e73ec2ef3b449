"""The exit code of a command is that of its work, whatever becomes of its output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tau3mu.console.streams import lasting_streams

WORK = """
import sys
from tau3mu.console.cli import print_error, run_main
from tau3mu.errors import InputError

def work():
    from tau3mu.console.terminal import PlainConsole
    for _ in range(2000):
        PlainConsole().print("D_s\\u2192\\u03c6(\\u03bc\\u03bc)\\u03c0 \\u00b1 1 out\\udcff")
        print("plain \\u03bc")
    print("\\u03bc", file=sys.stderr)
    if CODE == 1:
        raise InputError("no \\u03bc")
    return CODE

sys.exit(run_main(work))
"""
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def shell(code, redirection, **environment):
    program = WORK.replace("CODE", str(code))
    line = f'"$PYTHON" -c "$PROGRAM" {redirection}'
    known = {"PYTHON": sys.executable, "PROGRAM": program}
    done = subprocess.run(
        ["bash", "-c", line], env={**os.environ, **known, **environment},
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("code", [0, 1, 2])
@pytest.mark.parametrize(
    "redirection",
    [
        "| head -1 >&2; exit ${PIPESTATUS[0]}",
        "2>&1 | head -1 >&2; exit ${PIPESTATUS[0]}",
        pytest.param(">/dev/full", marks=FULL),
        pytest.param(">/dev/full 2>/dev/full", marks=FULL),
        pytest.param("2>/dev/full", marks=FULL),
        ">&-",
        ">&- 2>&-",
    ],
)
def test_output_that_goes_nowhere(code, redirection):
    returned, _, printed = shell(code, redirection)
    assert returned == code
    assert b"Traceback" not in printed
    assert b"Exception ignored" not in printed


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize(
    "environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}]
)
def test_letters_that_the_encoding_lacks(code, environment):
    returned, printed, errors = shell(code, "", **environment)
    assert returned == code
    assert (printed.count(b"plain "), b"Traceback" in errors) == (2000, False)


def test_escapes_stand_for_what_is_lacking():
    _, printed, _ = shell(0, "", PYTHONIOENCODING="ascii")
    assert printed.splitlines()[:2] == [
        b"D_s\\u2192\\u03c6(\\u03bc\\u03bc)\\u03c0 \\xb1 1 out\\udcff", b"plain \\u03bc",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words", ["run --help", "run --list", "run --version", "run --nonsense", "fit --help"]
)
def test_what_command_lines_print_without_work(words):
    line = f'"$PYTHON" -m tau3mu.{words} >&- 2>&-'
    done = subprocess.run(
        ["bash", "-c", line], env={**os.environ, "PYTHON": sys.executable, "LC_ALL": "C"},
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == (1 if "nonsense" in words else 0)


def test_streams_are_put_back(capsys):
    before = sys.stdout
    with lasting_streams(), lasting_streams():
        print("μ")
        assert sys.stdout is not before
    assert sys.stdout is before
    assert capsys.readouterr().out == "μ\n"
