"""Whatever ends a run early: one message, the right exit code, and nothing lost."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tau3mu.errors import InputError
from tau3mu.fit.pdfs import load_user_pdf
from tau3mu.ntuples import events
from tau3mu.ntuples.open_files import close_files
from tau3mu.run import main

PROCESSOR = """
from tau3mu.processors import DsPhiPi

class Mine(DsPhiPi):
    name = "mine"

    def select(self, events, cutflow):
        if len(events):
            ACTION
        return super().select(events, cutflow)
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a processor that does something in each chunk; returns exit code and errors."""
    monkeypatch.chdir(tmp_path)

    def start(action, *options):
        path = tmp_path / "mine.py"
        path.write_text(PROCESSOR.replace("ACTION", action))
        common = ["--processor", f"{path}:Mine", "--no-fit", "--output", str(tmp_path / "out")]
        code = main([*common, *options])
        return code, capsys.readouterr().err

    yield start
    close_files()


ENDINGS = {
    "SystemExit": "raise SystemExit(0)",
    "GeneratorExit": 'raise GeneratorExit("odd")',
    "BaseException": 'raise BaseException("odd")',
    "Untold": 'raise type("Untold", (ValueError,), {"__str__": lambda _: 1 / 0})',
    "CancelledError": '__import__("asyncio").events; raise __import__("asyncio").CancelledError',
}


@pytest.mark.parametrize("name", ENDINGS)
def test_exceptions_that_are_none_name_the_processor(run, tmp_path, name):
    code, said = run(ENDINGS[name])
    assert (code, said.count("error:"), "Traceback" in said) == (1, 1, False)
    assert ("mine" in said, name in said, "--resume" in said) == (True, True, True)
    assert name in (tmp_path / "out" / "log.txt").read_text()


def test_keyboard_interrupt_of_a_processor_is_one(run):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job may ignore it
    try:
        code, said = run("raise KeyboardInterrupt")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (code, "--resume" in said, said.count("error:")) == (130, True, 1)


@pytest.mark.parametrize(
    ("name", "executor"),
    [
        pytest.param("KeyboardInterrupt", "futures", marks=pytest.mark.integration),
        pytest.param("GeneratorExit", "dask", marks=pytest.mark.integration),
        pytest.param("KeyboardInterrupt", "dask", marks=pytest.mark.soak),  # the same ways
        pytest.param("GeneratorExit", "futures", marks=pytest.mark.soak),
    ],
)
def test_workers_survive_what_their_processors_raise(run, executor, name):
    code, said = run(f"raise {name}('odd')", "--executor", executor, "--workers", "2")
    assert (code, f"{name}: odd" in said, "Traceback" in said) == (1, True, False)


@pytest.mark.parametrize("where", ["", "\n    def __init__(self):\n        raise GeneratorExit\n"])
def test_files_that_end_the_process_when_they_are_loaded(tmp_path, capsys, where):
    path = tmp_path / "p.py"
    body = PROCESSOR.replace("ACTION", "pass") + where
    path.write_text(body if where else "raise GeneratorExit\n")
    assert main(["--processor", f"{path}:Mine", "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert (str(path) in said, "GeneratorExit" in said) == (True, True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("configuration = 'x'", "configuration"),
        ("configuration = {'cut': lambda pt: pt > 3}", "configuration"),
        ("configuration = property(lambda self: self.nothing)", "configuration"),
        ("columns = {1, 2}", "columns"),
    ],
)
def test_what_the_record_cannot_hold_is_refused_before_the_work(tmp_path, capsys, line, said):
    """All events were read before the record could not be written."""
    path = tmp_path / "p.py"
    path.write_text(PROCESSOR.replace("ACTION", "pass") + f"\n    {line}\n")
    assert main(["--processor", f"{path}:Mine", "--output", str(tmp_path / "out")]) == 1
    message = capsys.readouterr().err
    assert (f"{path}:Mine" in message, said in message) == (True, True)
    assert not (tmp_path / "out").exists()


def test_pdf_files_that_end_the_process(tmp_path):
    path = tmp_path / "odd.py"
    path.write_text("raise GeneratorExit\n")
    with pytest.raises(InputError, match="GeneratorExit"):
        load_user_pdf(path)


def test_a_working_directory_that_is_removed_meanwhile(run, tmp_path, monkeypatch):
    """The record of a complete run was lost, since it says where the run was made."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    code, _ = run(f"import shutil; shutil.rmtree({str(tmp_path / 'gone')!r}, ignore_errors=True)")
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (code, record["status"], record["directory"]) == (0, "finished", None)


def test_a_working_directory_that_is_gone_before(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["--no-fit"]) == 1
    assert "working directory" in capsys.readouterr().err


def test_an_output_whose_name_is_not_utf8(run, tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/o\xff")
    code, _ = run("pass", "--output", folder)
    record = json.loads(Path(folder, "run.json").read_text())
    assert (code, record["status"]) == (0, "finished")


@pytest.mark.parametrize("name", [b"/m\xff.py", b"/d\xff/mine.py"])
def test_a_processor_whose_file_is_not_named_in_utf8(demo, tmp_path, name):
    path = os.fsdecode(os.fsencode(tmp_path) + name)
    Path(path).parent.mkdir(exist_ok=True)
    text = PROCESSOR.replace("ACTION", "self.configuration")
    text += f"    configuration = {{'file': {path!r}}}\n"
    Path(path).write_text(text)
    common = ["--processor", f"{path}:Mine", "--no-fit", "--output", str(tmp_path / "out")]
    assert main([*common, str(demo[0])]) == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "finished"


def _raise(error):
    raise error


LACKS = {
    "MemoryError": lambda: _raise(MemoryError()),
    "NumPy": lambda: np.empty(1 << 36, dtype=np.float64).fill(1) or _raise(MemoryError()),
    "Arrow": lambda: _raise(pa.lib.ArrowMemoryError("malloc failed")),
    "a full disk": lambda: _raise(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
    "open files": lambda: _raise(OSError(errno.EMFILE, os.strerror(errno.EMFILE))),
    "threads": lambda: _raise(RuntimeError("can't start new thread")),
}
del LACKS["NumPy"]  # a machine may have that much


@pytest.fixture
def lacking(monkeypatch):
    """Lets the reading of so many chunks fail."""

    def lack(what, times):
        left = [times]
        real = events.make_events

        def make_events(*given, **facts):
            if facts["n_events"] and left[0]:
                left[0] -= 1
                LACKS[what]()
            return real(*given, **facts)

        monkeypatch.setattr(events, "make_events", make_events)

    return lack


OPTIONS = ["--skip-bad-files", "--allow-missing", "0.9", "--retries", "1", "--chunk-size", "3000"]


@pytest.mark.parametrize("what", LACKS)
def test_what_a_process_lacks_makes_no_file_bad(run, lacking, tmp_path, what):
    """A good file was left out, with exit code 0."""
    lacking(what, 9)
    code, said = run("pass", *OPTIONS)
    assert (code, "--resume" in said, "Tree_PhiPi_1.root" in said) == (1, True, True)
    assert not (tmp_path / "out" / "mine").exists()
    if "Error" in what or what == "Arrow":
        assert ("memory" in said, "--chunk-size" in said) == (True, True)


@pytest.mark.parametrize("what", ["MemoryError", "a full disk"])
def test_what_passes_costs_nothing(run, lacking, tmp_path, what):
    lacking(what, 1)
    code, _ = run("pass", *OPTIONS)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (code, record["complete"], record["chunks"]["attempts"]) == (0, True, 5)
    assert sum(file["read"] for file in record["inputs"]) == 12_000


def test_a_processor_without_memory_is_tried_again(run, tmp_path):
    once = tmp_path / "once"
    action = (
        f"import pathlib; p = pathlib.Path({str(once)!r}); p.exists() or (p.touch(), [].nothing_)"
    )
    action = action.replace("[].nothing_", "exec('raise MemoryError')")
    code, _ = run(action, *OPTIONS)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (code, record["chunks"]["attempts"]) == (0, 5)


def test_no_module_is_left_behind():
    assert not [name for name in sys.modules if name.endswith("_odd")]
