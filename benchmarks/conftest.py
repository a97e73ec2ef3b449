"""What all benchmarks share: a table of the measured numbers at the end, with their targets."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@dataclass
class Report:
    """The rows of the table."""

    rows: list[dict[str, str]] = field(default_factory=list)

    def add(self, what: str, measured: str, target: str = "", met: bool | None = None) -> None:
        """Adds a row; `met` says whether the target was reached."""
        verdict = "" if met is None else "yes" if met else "NO"
        self.rows.append({"what": what, "measured": measured, "target": target, "met": verdict})


def pytest_addoption(parser):
    parser.addoption(
        "--root-python",
        metavar="PYTHON",
        help="the python of an environment in which `import ROOT` works, for comparisons",
    )
    parser.addoption("--report", metavar="FILE", help="write the table as JSON")


def pytest_configure(config):
    config.stash[REPORT] = Report()


REPORT = pytest.StashKey[Report]()


@pytest.fixture
def report(request):
    return request.config.stash[REPORT]


@pytest.fixture
def fresh():
    """Runs a program in a fresh process; it prints one JSON object as its last line."""

    def run(program: str, python: str = sys.executable, arguments: tuple[str, ...] = ()):
        done = subprocess.run(
            [python, "-c", program, *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def root_python(request):
    python = request.config.getoption("--root-python")
    if python is None:
        pytest.skip("give --root-python to compare with ROOT")
    return python


def pytest_terminal_summary(terminalreporter, config):
    from rich.console import Console
    from rich.table import Table

    report = config.stash[REPORT]
    if not report.rows:
        return
    table = Table("What", "Measured", "Target", "Met", title="Benchmarks")
    for row in report.rows:
        table.add_row(*row.values())
    terminalreporter.write_line("")
    Console(file=terminalreporter._tw._file, width=118).print(table)
    if file := config.getoption("--report"):
        document = {**asdict(report), "machine": platform.platform(), "python": sys.version}
        Path(file).write_text(json.dumps(document, indent=2))
