"""A store with real datasets, tests and trains, some of them with names that try to be code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.storage.names import LEDGER
from tau3mu.train import Store
from tau3mu.train.states import read_status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = [
    "ARABIC",
    "DIMUONS",
    "HOSTILE",
    "LONG",
    "RIGHT_TO_LEFT",
    "SCRIPT",
    "Made",
    "command",
    "make",
    "wait_for",
]

HOSTILE = "<img src=x onerror=window.hacked=1>"
COMMENT = "For the note, with all of 2017."
SCRIPT = "</script><script>window.hacked=1</script>{{7*7}}"
LONG = "ü" * 200
ARABIC = "مرحبا <b>(7)<b>"
RIGHT_TO_LEFT = f"\u202e{ARABIC}"

DIMUONS = '''\
import time

import awkward as ak
import hist
import tau3mu


class Dimuons(tau3mu.Processor):
    """Pairs of muons of opposite charge."""

    name = "dimuons"
    columns = {"run", "event", "muon.pt", "muon.eta", "muon.phi", "muon.energy", "muon.charge"}
    min_pt: float = tau3mu.parameter(4.0, unit="GeV", help="of each muon", ge=0)
    delay: float = tau3mu.parameter(0.0, unit="s", help="of each chunk", ge=0)
    axes = [
        hist.axis.Regular(50, 0, 5, name="mass", label="m(μμ) [GeV]"),
        hist.axis.Regular(40, 0, 40, name="pt", label="$p_{T}$(μμ) [GeV]"),
    ]
    weights = {"nominal": "weight", "sf_up": "weight_sf_up"}

    def select(self, events, cutflow):
        time.sleep(self.delay if len(events) else 0)
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        pairs = ak.combinations(muons, 2, fields=["a", "b"])
        pairs = cutflow.cut("charge", pairs, pairs.a.charge * pairs.b.charge < 0)
        total = pairs.a + pairs.b
        one = ak.ones_like(total.pt)
        return tau3mu.Table(mass=total.mass, pt=total.pt, weight=one, weight_sf_up=1.1 * one)
'''
MUONS = f"""\
import hist
import tau3mu

HOSTILE, SCRIPT = {HOSTILE!r}, {SCRIPT!r}
ARABIC = {ARABIC!r}


class Muons(tau3mu.Processor):
    columns = ["run", "event", "muon.pt"]
    name = "hostile"

    def histograms(self):
        axes = [
            hist.axis.StrCategory([], name="dataset", growth=True),
            hist.axis.Regular(9, 0, 9, name=ARABIC, label=SCRIPT),
        ]
        return {{HOSTILE: hist.Hist(*axes)}}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        histograms[HOSTILE].fill(dataset, candidates[HOSTILE])

    def select(self, events, cutflow):
        muons = cutflow.cut(SCRIPT, events.muon, events.muon.pt > 4)
        cutflow.count(**{{HOSTILE: len(muons)}})
        return tau3mu.Table(**{{HOSTILE: muons.pt, ARABIC: muons.pt}})


class Raises(Muons):
    name = "raises"

    def select(self, events, cutflow):
        if len(events):
            raise ValueError(HOSTILE + SCRIPT)
        return super().select(events, cutflow)
"""
PHI: dict[str, Any] = {
    "schema_version": 1,
    "analysis": {"name": "phi", "title": "Control channel", "authors": ["Ada Lovelace"]},
    "wagons": {
        "dsphipi": {
            "processor": "dsphipi",
            "variants": {"tight": {"flight_significance": 3.0}},
            "fit": None,
        },
        "dimuons": {"processor": "dimuons.py:Dimuons", "parameters": {"min_pt": 3.0}, "fit": None},
    },
    "datasets": ["2017B", "2017C", "simulation"],
}
SLOW: dict[str, Any] = {
    "schema_version": 1,
    "analysis": {"name": "slow"},
    "wagons": {
        "waiting": {
            "processor": "dimuons.py:Dimuons",
            "parameters": {"delay": 0.5},
            "limits": {"cpu_hours": 1e-9},
            "fit": None,
        }
    },
    "datasets": ["2017B"],
    "settings": {"chunk_size": 500, "executor": "iterative"},
}
STRANGE: dict[str, Any] = {
    "schema_version": 1,
    "analysis": {"name": "strange", "title": HOSTILE, "authors": [SCRIPT], "contact": HOSTILE},
    "wagons": {
        "hostile": {"processor": "hostile.py:Muons", "fit": None},
        "raises": {"processor": "hostile.py:Raises", "fit": None},
    },
    "datasets": ["strange"],
}
_PROGRAM = """
import json, sys
from tau3mu.train.__main__ import main
codes = []
for words in json.loads(sys.argv[1]):
    sys.orig_argv = ["python", "-m", "tau3mu.train", *words]  # which trains record
    codes.append(main(words))
sys.exit(max(codes))
"""


@dataclass(frozen=True)
class Made:
    """A folder with train files and the store `trains`.

    Attributes:
        folder: With the train files.
        store: With a train of `slow.json` that was lost (1), two of `phi.json`, on a part of the
            data (2) and on all (3), and one that has not run (4); where names may be strange, one
            of `strange.json` with a wagon that raises (5).
    """

    folder: Path
    store: Store

    @property
    def train_files(self) -> list[Path]:
        """All of them."""
        files = self.folder.glob("*.json")
        return sorted(file for file in files if not file.stem.endswith(".data"))

    @property
    def serve(self) -> list[str]:
        """The words of the command that serves it."""
        return command(self.folder, "serve", *map(str, self.train_files))[1:]


def make(folder: Path, *, strange: bool = True, fit: bool = False) -> Made:
    """Makes it all with the commands of users.

    Args:
        folder: A new one, or an empty one.
        strange: Whether there are datasets, wagons and trains with names that try to be code.
        fit: Whether the control channel is fitted, which takes longer.
    """
    store = Store(folder / "trains")
    _write_files(folder, strange=strange, fit=fit)
    described = ("--description", f"{RIGHT_TO_LEFT} {HOSTILE}")
    forced = [word for wagon in STRANGE["wagons"] for word in ("--force", wagon)]
    words = ("--label", HOSTILE + SCRIPT, "--comment", f"{RIGHT_TO_LEFT} {LONG} {HOSTILE}")
    _run(
        folder,
        ("datasets", "add", "sources.data.json", "--description", "Demo ntuples."),
        *([("datasets", "add", "strange.data.json", *described)] if strange else []),
        ("run", "slow.json", "--force", "waiting", "--approve", "Ada", "--compose-only"),
    )
    test = start(folder, "test", "phi.json", "--time-limit", "5")
    slow = start(folder, "run", "--resume", "1")
    _kill(store.train(1))
    end(test)
    end(slow, codes=range(-15, 200))
    _run(
        folder,
        ("run", "phi.json", "--short", "0.25", "--label", "first look", "--compose-only"),
        ("run", "phi.json", "--label", "all data", "--comment", COMMENT, "--compose-only"),
        ("rerun", "3", "--compose-only"),
        *([("run", "strange.json", *forced, *words, "--compose-only")] if strange else []),
    )
    runs = [start(folder, "run", "--resume", number) for number in ("2", "3")]
    if strange:
        end(start(folder, "run", "--resume", "5"), codes=(1,))
    for run in runs:
        end(run)
    assert len(store.trains()) == (5 if strange else 4)
    return Made(folder, store)


def command(folder: Path, *words: str) -> list[str]:
    """Returns the words of a command of `tau3mu.train` on the store of a folder."""
    store = ("--store", str(folder / "trains"))
    at = 2 if words[0] == "datasets" else 1
    return [sys.executable, "-m", "tau3mu.train", *words[:at], *store, *words[at:]]


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Waits until something is so, and returns it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def _write_files(folder: Path, *, strange: bool, fit: bool) -> None:
    folder.mkdir(exist_ok=True)
    demo = sorted(Path(str(files("tau3mu.data"))).glob("demo/*.root"))
    skim = sorted((Path(__file__).parents[1] / "data" / "skim").glob("Tree_PhiPi_*.root"))
    named = {"2017B": (demo[:1], False), "2017C": (demo[1:], False), "simulation": (skim, True)}
    _write_datasets(folder / "sources.data.json", named)
    wagons = PHI["wagons"] | {"dsphipi": PHI["wagons"]["dsphipi"] | {"fit": "dsphipi"}}
    (folder / "dimuons.py").write_text(DIMUONS)
    for name, content in {"phi": PHI | ({"wagons": wagons} if fit else {}), "slow": SLOW}.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=2))
    if strange:
        other = folder / HOSTILE
        other.mkdir()
        file = Path(shutil.copy(skim[0], other / f"{RIGHT_TO_LEFT} &amp; é.root"))
        _write_datasets(folder / "strange.data.json", {"strange": ([file], False)})
        (folder / "hostile.py").write_text(MUONS)
        (folder / "strange.json").write_text(json.dumps(STRANGE, indent=2))


def _write_datasets(file: Path, named: dict[str, tuple[list[Path], bool]]) -> None:
    content = {
        name: {
            "files": {str(path): None for path in paths},
            "metadata": {"era": name, "is_mc": is_mc},
        }
        for name, (paths, is_mc) in named.items()
    }
    file.write_text(json.dumps(content))


def _kill(train: Path) -> None:
    """Kills the process of a train when it has done a part of its work."""
    ledger = train / "results" / LEDGER
    wait_for(lambda: ledger.is_file() and len(ledger.read_text().splitlines()) > 1)
    os.kill(read_status(train).pid, signal.SIGKILL)


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Starts a command of `tau3mu.train` on the store of a folder."""
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command(folder, *words), cwd=folder, **pipes)


def end(process: subprocess.Popen[str], codes: Collection[int] = (0,)) -> None:
    """Waits for a process, and holds that it ends with one of some exit codes."""
    _, err = process.communicate(timeout=300)
    assert process.returncode in codes, err


def _run(folder: Path, *commands: tuple[str, ...]) -> None:
    """Runs commands one after the other in one process, which saves most of their time."""
    words = json.dumps([command(folder, *each)[3:] for each in commands])
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    end(subprocess.Popen([sys.executable, "-c", _PROGRAM, words], cwd=folder, **pipes))
