"""A script without `if __name__ == "__main__"`, with a processor of its own, on all executors."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import tau3mu

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "own-processor.md"

SCRIPT = """
import sys
import tau3mu

run = tau3mu.run(
    datasets=tau3mu.datasets("demo", max_files=10),
    processors=[
        tau3mu.DsPhiPi(),
        tau3mu.DsPhiPi(name="tight", flight_significance=3.0),
        Dimuons(min_pt=5),
    ],
    executor=sys.argv[1], workers=2, chunk_size=4000, output="results/2017", no_fit=True,
)
print(run.cutflow)
print("entries", run["dsphipi"].histogram("mass").sum().value)
print("rows", len(tau3mu.open("results/2017")["tight"].candidates))
events = tau3mu.events("demo", tau3mu.DsPhiPi())
tau3mu.DsPhiPi().n_minus_one(events)["phi"].plot()
print("ended", __name__)
"""


@pytest.fixture
def dimuons():
    return re.search(r'```python title="dimuons.py"\n(.*?)```', GUIDE.read_text(), re.DOTALL)[1]


@pytest.mark.parametrize("executor", [pytest.param("futures", marks=pytest.mark.soak), "dask"])
def test_a_plain_script_runs_once(executor, dimuons, tmp_path):
    """Workers of a local cluster ran the script as well, and started clusters of their own."""
    (tmp_path / "plain.py").write_text(dimuons + SCRIPT)
    done = subprocess.run(
        [sys.executable, "plain.py", executor], capture_output=True, text=True, check=False,
        cwd=tmp_path, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ended __main__") == done.stdout.count("ended") == 1
    assert "rows 1379" in done.stdout
    names = ["dsphipi", "tight", "Dimuons"]
    assert list(tau3mu.open(tmp_path / "results/2017")) == names


def test_the_same_from_the_command_line(dimuons, tmp_path):
    (tmp_path / "dimuons.py").write_text(dimuons)
    words = (
        "--processor dsphipi --variant tight:dsphipi.flight_significance=3 "
        "--processor dimuons.py:Dimuons --set Dimuons.min_pt=5 --no-fit --output results"
    )
    subprocess.run(
        [sys.executable, "-m", "tau3mu", "run", *shlex.split(words)], check=True, cwd=tmp_path
    )
    run = tau3mu.open(tmp_path / "results")
    found = {name: len(results.candidates) for name, results in run.items()}
    assert (found["dsphipi"], found["tight"]) == (1480, 1379)
    assert 2184 < found["Dimuons"] < 5539  # what 6 and 4 GeV leave
    assert run.configuration["processors"]["Dimuons"]["parameters"]["min_pt"] == 5


def test_the_main_module_is_as_before(monkeypatch):
    from tau3mu.clusters.starting import without_script

    main = sys.modules["__main__"]
    before = main.__spec__
    with without_script():
        assert main.__spec__ is not None
    assert main.__spec__ is before
