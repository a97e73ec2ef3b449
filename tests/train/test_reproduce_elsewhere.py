"""A run is reproduced by another Python, with an installed copy of the package, elsewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pytest

import tau3mu
from tau3mu.run import main

pytestmark = pytest.mark.integration

ANALYSIS = """\
import hist
from cuts import LEAST

from tau3mu.processing import Processor, Table, parameter


class Muons(Processor):
    columns = ("run", "lumi", "event", "muon.pt")
    min_pt: float = parameter(LEAST, unit="GeV", help="of each muon")
    axes = [hist.axis.Regular(20, 0, 40, name="pt")]

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        return Table(pt=muons.pt)
"""


@pytest.fixture(scope="module")
def other_python(tmp_path_factory):
    """A virtual environment with a copy of the package, and the libraries of this one."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    shown = subprocess.run([python, "-c", place], check=True, capture_output=True, text=True)
    packages = Path(shown.stdout.strip())
    shutil.copytree(Path(tau3mu.__path__[0]), packages / "tau3mu")
    for part in ("data", "fits", "processors"):
        source = Path(str(files(f"tau3mu.{part}")))
        shutil.copytree(source, packages / "tau3mu" / part, dirs_exist_ok=True)
    (info := packages / f"tau3mu-{version('tau3mu')}.dist-info").mkdir()
    metadata = f"Metadata-Version: 2.1\nName: tau3mu\nVersion: {version('tau3mu')}\n"
    (info / "METADATA").write_text(metadata)
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    libraries.append(sysconfig.get_path("purelib"))
    (packages / "libraries.pth").write_text("\n".join(dict.fromkeys(libraries)))
    return python


def run(python, *arguments, folder, code=0):
    command = [str(python), "-m", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.mark.soak  # the next one is another environment, too
def test_the_demo_is_the_same_in_another_environment(other_python, tmp_path):
    assert main(["--output", str(tmp_path / "first")]) == 0
    empty = tmp_path / "elsewhere" / "empty"
    empty.mkdir(parents=True)
    shutil.move(tmp_path / "first", empty.parent / "moved")
    where = subprocess.run(
        [other_python, "-c", "import tau3mu; print(tau3mu.__file__)"],
        cwd=empty, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(other_python.parent.parent)
    how = ["--executor", "futures", "--chunk-size", "2500"]  # the next test runs as before
    shown = run(other_python, "tau3mu.train", "reproduce", "../moved", *how, folder=empty)
    assert "SAME" in shown
    assert "1 fits" in shown
    assert "tau3mu is" not in shown
    assert "the code of tau3mu" not in shown
    assert not list(empty.iterdir())


def test_a_users_analysis_is_the_same_after_it_was_edited(other_python, tmp_path):
    (tmp_path / "muons.py").write_text(ANALYSIS)
    (tmp_path / "cuts.py").write_text("LEAST = 5.0\n")
    arguments = ["--processor", "muons.py:Muons", "--variant", "hard:min_pt=9", "--output", "first"]
    run(sys.executable, "tau3mu.run", *arguments, folder=tmp_path)
    (tmp_path / "cuts.py").write_text("LEAST = 6.0\n")
    (tmp_path / "muons.py").unlink()
    empty = tmp_path / "empty"
    empty.mkdir()
    reproduce = ["tau3mu.train", "reproduce", str(tmp_path / "first")]
    assert "SAME" in run(other_python, *reproduce, "--executor", "dask", folder=empty)
    (copy,) = (tmp_path / "first" / "code").rglob("cuts.py")
    copy.write_text("LEAST = 4.0\n")
    shown = run(other_python, *reproduce, folder=empty)
    assert "cuts.py has been changed" in shown  # the values of parameters are recorded
