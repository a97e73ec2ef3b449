"""Users' Python files reach workers that have never seen them."""

from __future__ import annotations

import sys

import cloudpickle
import pytest
from cluster_processes import ClusterProcesses

from tau3mu.clusters import connect
from tau3mu.errors import InputError
from tau3mu.processing import load_processor, ship_code
from tau3mu.processing.user_code import plain_name, user_modules

PROCESSOR = """
from pathlib import Path

import correctionlib
import helpers
from helpers.cuts import LIMIT
from tau3mu.corrections import MuonScaleFactors
from tau3mu.processors import DsPhiPi


class Mine(DsPhiPi):
    def __init__(self):
        super().__init__()
        file = Path(__file__).with_name("sf.json")
        self.factors = MuonScaleFactors(file)
        self.table = correctionlib.CorrectionSet.from_file(str(file))

    def answer(self):
        names = list(self.table)
        return helpers.double(LIMIT), float(self.factors.evaluate([20.0], [0.1]).nominal[0]), names
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a processor, a package of helpers beside it, and a correction file."""
    from importlib.resources import files

    mine = tmp_path / "mine"
    (mine / "helpers").mkdir(parents=True)
    (mine / "analysis.py").write_text(PROCESSOR)
    (mine / "helpers" / "__init__.py").write_text("def double(x):\n    return 2 * x\n")
    (mine / "helpers" / "cuts.py").write_text("LIMIT = 21\n")
    table = files("tau3mu.data") / "muon_id_sf_2017UL.json"
    (mine / "sf.json").write_text(table.read_text())
    return mine


ANSWER = "__import__('cloudpickle').loads(packed).answer()"


@pytest.mark.integration
def test_helpers_and_tables_travel_with_a_processor(folder, tmp_path):
    """Fails if a worker needs the user's files: it has another folder and another path."""
    processor = load_processor(f"{folder}/analysis.py:Mine")
    here = processor.answer()
    assert here[0] == 42
    ship_code([processor])
    with ClusterProcesses(
        tmp_path / "cluster", environment={"PYTHONPATH": "", "PYTHONSAFEPATH": "1"}
    ) as processes:
        worker = processes.add_worker()
        with connect(processes.address, wait=60) as client:
            (folder / "sf.json").unlink()
            given = {"packed": cloudpickle.dumps(processor)}
            assert client.submit(eval, ANSWER, given, pure=False).result(timeout=60) == here
            worker.kill()  # and with a worker that joins late
            processes.add_worker()
            assert client.submit(eval, ANSWER, given, pure=False).result(timeout=60) == here


def test_modules_of_a_user(folder):
    """Fails if a helper is left behind, or this package or an installed one is sent along."""
    processors = [load_processor(f"{folder}/analysis.py:Mine"), load_processor("dsphipi")]
    names = {plain_name(name) for name in user_modules(processors)}
    assert names == {"analysis", "helpers", "helpers.cuts"}


def test_changed_helper_changes_what_travels(folder):
    """Fails if a worker could go on with the old helper after a change in a session."""
    before = load_processor(f"{folder}/analysis.py:Mine")
    ship_code([before])
    old = cloudpickle.dumps(before)
    sys.modules[type(before).__module__].helpers.double = lambda x: 3 * x
    assert cloudpickle.dumps(before) != old


def test_shipped_processors_stay_as_they_are():
    """Fails if the package itself travelled by value, some hundred kilobytes per task."""
    processor = load_processor("dsphipi")
    ship_code([processor])
    assert user_modules([processor]) == {}
    assert len(cloudpickle.dumps(processor)) < 20_000


def test_import_inside_a_function_is_refused_with_its_line(folder):
    """Fails if a run of hours ends with ModuleNotFoundError on the workers."""
    text = "from tau3mu.processors import DsPhiPi\nimport helpers\n\n\nclass Late(DsPhiPi):\n"
    text += "    def select(self, events, cutflow):\n        import helpers.cuts\n"
    (folder / "late.py").write_text(text + "        return super().select(events, cutflow)\n")
    processor = load_processor(f"{folder}/late.py:Late")
    with pytest.raises(InputError, match=r"late.py, line 7: helpers.cuts is imported inside a"):
        ship_code([processor])


def test_what_cannot_travel_is_named(folder):
    """Fails if a lock in a processor ends in a traceback of pickle."""
    text = "from tau3mu.processors import DsPhiPi\nimport threading\nLOCK = threading.Lock()\n\n\n"
    text += "class Lock(DsPhiPi):\n    def select(self, events, cutflow):\n        LOCK.acquire()\n"
    (folder / "lock.py").write_text(text)
    processor = load_processor(f"{folder}/lock.py:Lock")
    with pytest.raises(InputError, match=f"processor {processor.name} cannot be sent to the work"):
        ship_code([processor])
