"""A checkpoint belongs to the code that ran, whatever its file holds by then, or without a file."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from users_processors import BASE, chunks_of, n_muons, write

from tau3mu.execution import ProcessorError, execute
from tau3mu.processing import load_processors
from tau3mu.processing.fingerprint import fingerprint

TEXT = """
import cuts


class Mine(Muons):
    def muons(self, events):
        cuts.check(events)
        return events.muon[events.muon.pt > cuts.PT]
"""
CUTS = """
import os


def check(events):
    if len(events) and os.environ.get("TAU3MU_TEST_STOP") == str(events.event[0]):
        raise RuntimeError


PT = {cut}
"""
ABOVE_1_GEV, ABOVE_8_GEV = 17_274, 4_134


def written(folder, cut):
    path = write(folder, "mine.py", TEXT, cuts=CUTS.format(cut=cut))
    return f"{path}:Mine"


@pytest.mark.parametrize("edited", [True, False])
def test_code_that_is_edited_after_its_import_is_not_resumed(tmp_path, demo, monkeypatch, edited):
    """Fails if a result is made of chunks of the old code and chunks of the new one."""
    chunks = chunks_of(demo[0], 1500)
    folder = tmp_path / "run"
    folder.mkdir()
    name = written(tmp_path, 1.0)
    old = load_processors([name])
    before = fingerprint(old)
    if edited:  # while files are checked, or while a cluster starts
        written(tmp_path, 8.0)
    assert fingerprint(old) == before
    monkeypatch.setenv("TAU3MU_TEST_STOP", str(first_event(chunks[-1])))
    with pytest.raises(ProcessorError):
        execute(chunks, old, folder=folder)
    monkeypatch.delenv("TAU3MU_TEST_STOP")
    result = execute(chunks, load_processors([name]), folder=folder, resume=True)
    expected = (0, ABOVE_8_GEV) if edited else (3, ABOVE_1_GEV)
    assert (result.resumed, n_muons(result, "Mine")) == expected


def first_event(chunk):
    import uproot

    with uproot.open(chunk.path) as file:
        return int(file[chunk.tree]["evt"].array(entry_start=chunk.start, entry_stop=chunk.stop)[0])


def test_bytes_of_an_old_import_are_never_run(tmp_path):
    """Fails if an edit within a second that keeps the size is hidden by __pycache__."""
    name = written(tmp_path, 1.0)
    load_processors([name])
    status = (tmp_path / "cuts.py").stat()
    written(tmp_path, 8.0)
    os.utime(tmp_path / "cuts.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    (processor,) = load_processors([name])
    assert sys.modules[type(processor).__module__].cuts.PT == 8.0


MAIN = """
import enum
from dataclasses import dataclass
from functools import cached_property, lru_cache

CUT = 5


class Unit(enum.Enum):
    GEV = 1
    MEV = 1000


@dataclass(frozen=True)
class Options:
    scale: float = 1.5
    names: tuple = ("a", "b")


@lru_cache
def cut():
    return CUT


@ak.mixin_class(ak.behavior)
class OfTau3muTestTrack:
    def hard(self):
        return self.pt > cut()


class Mine(Muons):
    options = Options()

    @property
    def unit(self):
        return Unit.GEV.value

    @cached_property
    def kinds(self):
        return {"x", "y", "z"}

    @staticmethod
    def zero():
        return lambda: 0.25

    def muons(self, events):
        muon = ak.with_name(events.muon, "OfTau3muTestTrack")
        return muon[muon.hard()]

"""
PRINT = """

from tau3mu.processing.fingerprint import fingerprint

print(fingerprint([Mine()]))
"""


def test_code_from_standard_input_is_told_by_what_runs():
    """Sets have another order in each process, and lines other numbers."""
    prints = {
        subprocess.run(
            [sys.executable, "-"], input=before + BASE + MAIN + PRINT, capture_output=True,
            text=True, check=True, env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed, before in (("2", ""), ("3", "# a comment\n\n"))
    }  # fmt: skip
    assert len(prints) == 1
    assert len(prints.pop().strip()) == 64


def interactive(program):
    """The fingerprint of what a program defines in the main module, of which there is no file."""
    scope = {"__name__": "__main__"}
    exec(program, scope)
    return fingerprint([scope["Mine"]()])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("CUT = 5", "CUT = 6"),
        ("return CUT", "return CUT + 0"),
        ("self.pt > cut()", "self.pt < cut()"),
        ("scale: float = 1.5", "scale: float = 2.5"),
        ("GEV = 1", "GEV = 2"),
        ('{"x", "y", "z"}', '{"x", "y"}'),
        ("lambda: 0.25", "lambda: 0.5"),
        ("return Unit.GEV.value", "return Unit.MEV.value"),
        ("ak.num(self.muons(events))", "ak.num(self.muons(events), axis=1)"),
    ],
)
@pytest.mark.usefixtures("behaviors")
def test_a_change_of_code_without_a_file_is_seen(old, new, caplog):
    program = BASE + MAIN
    assert old in program
    assert interactive(program) == interactive("pass\n" + program)
    assert interactive(program) != interactive(program.replace(old, new))
    assert not caplog.records


RUN = """
import os
from pathlib import Path
from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution import execute

os.environ["TAU3MU_TEST_STOP"] = "{stop}"
datasets = [Dataset("demo", {{{path!r}: None}})]
chunks = make_chunks(check_files(datasets, Muons.columns), datasets, 1500)
how = dict(executor={executor!r}, workers=1, folder=Path({folder!r}), resume={resume})
try:
    result = execute(chunks, [Mine()], **how)
    print(result.resumed, result.processors["Mine"].cutflow["demo"][0]["candidates"])
except Exception as error:
    print(str(error), error.details)
"""


@pytest.fixture
def kernel():
    """Runs cells in a Jupyter kernel and gives what they print; each call is a new kernel."""
    from jupyter_client.manager import start_new_kernel

    def run(*cells):
        manager, client = start_new_kernel(kernel_name="python3")
        texts = []

        def hook(message):
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                texts.append(message["content"]["text"])

        try:
            for cell in cells:
                reply = client.execute_interactive(cell, timeout=120, output_hook=hook)
                assert reply["content"]["status"] == "ok", reply["content"]
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
        return "".join(texts)

    return run


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["iterative", "futures"])
def test_a_processor_of_a_notebook(kernel, tmp_path, demo, executor):
    """Fails if a kernel resumes chunks of another cut, not its own, or does not show a line."""
    chunks = chunks_of(demo[0], 1500)
    how = {"path": str(demo[0]), "folder": str(tmp_path), "executor": executor}

    def outcome(cut, stop="", **facts):
        text = TEXT.replace("import cuts", CUTS.format(cut=cut)).replace("cuts.", "")
        return kernel("BEFORE = 1", BASE + text, RUN.format(**how, stop=stop, **facts))

    failed = outcome(1.0, first_event(chunks[-1]), resume=False)
    assert re.search(r"Mine failed on .* \(.*, line \d+: raise RuntimeError\)", failed)
    assert "\n    raise RuntimeError\n" in failed
    done = len(list((tmp_path / "checkpoints").iterdir()))
    assert done == 3
    assert outcome(8.0, resume=True).split() == ["0", str(ABOVE_8_GEV)]
    assert outcome(1.0, resume=True).split() == [str(done), str(ABOVE_1_GEV)]
