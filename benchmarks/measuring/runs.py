"""Runs the analysis or another program on files, and returns what it took and what it found."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measuring.measurement import measure, usage_of_workers, usage_since
from measuring.selections import CONTROL
from tau3mu.benchmark.study import Found, Run, found_in, found_of
from tau3mu.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from measuring.inputs import InputFile
    from measuring.measurement import Usage
    from measuring.selections import Selecting
    from tau3mu.benchmark.study import Setup

__all__ = ["run_analysis", "run_command_line", "run_program"]

_PROBE = Path(__file__).with_name("probe.py")


def run_analysis(
    files: Sequence[InputFile], setup: Setup, selecting: Selecting = CONTROL
) -> tuple[Run, Found]:
    """Runs a processor without fit in a process of its own, and notes the times of its stages.

    On a cluster that runs already, CPU and memory of its workers are added.

    Args:
        files: To be read.
        setup: Of the run.
        selecting: The processor.

    Raises:
        RunError: The run failed; the message has the end of what it said.
    """
    before = usage_of_workers(setup.scheduler) if setup.scheduler else {}
    with tempfile.TemporaryDirectory() as folder:
        job = {
            "dataset": str(_dataset_file(files, Path(folder))),
            "folder": str(Path(folder) / "results"),
            "processor": selecting.processor,
            "values": list(selecting.values),
            "executor": setup.executor,
            "workers": setup.workers,
            "chunk_size": setup.chunk_size,
            "scheduler": setup.scheduler,
        }
        usage, output = measure(
            [sys.executable, str(_PROBE), json.dumps(job)],
        )
        found = found_in(Path(folder) / "results", selecting.processor, selecting.numbers)
    run = _run(usage, _last_object(output)["times"])
    if setup.scheduler:
        cpu, peak = usage_since(before, usage_of_workers(setup.scheduler))
        run = Run(run.wall, run.cpu + cpu, max(run.peak, peak), run.peak_tree, run.read, run.stages)
    return run, found


def run_command_line(
    files: Sequence[InputFile], *options: str, selecting: Selecting = CONTROL
) -> tuple[Run, Found]:
    """Runs `python -m tau3mu.run --no-fit --no-plots` as a user does.

    Args:
        files: To be read.
        options: Further options.
        selecting: The processor.

    Raises:
        RunError: The run failed; the message has the end of what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        dataset = _dataset_file(files, Path(folder))
        command = [sys.executable, "-m", "tau3mu.run", "--no-fit", "--no-plots"]
        command += ["--processor", selecting.processor]
        command += [word for value in selecting.values for word in ("--set", value)]
        command += ["--dataset", str(dataset)]
        usage, _ = measure([*command, "--output", str(results), *options])
        return _run(usage, {}), found_in(results, selecting.processor, selecting.numbers)


def run_program(command: Sequence[str]) -> tuple[Run, Found]:
    """Runs another program that makes the same selection.

    The last line that it prints is a JSON object: `steps`, the events after each step;
    `candidates`, run, luminosity section, event, triplet and mass of each, and maybe whole numbers;
    and `times`, when its stages began, in seconds since the epoch.

    Args:
        command: With its arguments.

    Raises:
        RunError: The program failed, or printed something else.
    """
    usage, output = measure(command)
    answer = _last_object(output)
    try:
        return _run(usage, answer["times"]), found_of(answer["steps"], answer["candidates"])
    except KeyError as error:
        message = f"{' '.join(command[:2])}: its last line has no {error}"
        raise RunError(message) from error


def _dataset_file(files: Sequence[InputFile], folder: Path) -> Path:
    """Writes a dataset file, since a command line has no room for thousands of files."""
    path = folder / "benchmark.json"
    entry = {"files": {file.path: file.tree for file in files}, "metadata": {"is_mc": False}}
    path.write_text(json.dumps({"files": entry}))
    return path


def _run(usage: Usage, times: Mapping[str, float]) -> Run:
    stages = {name: time - usage.started for name, time in times.items()}
    return Run(usage.wall, usage.cpu, usage.peak, usage.peak_tree, usage.read, stages)


def _last_object(output: str) -> dict[str, Any]:
    try:
        answer = json.loads(output.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        message = f"expected a JSON object in the last line of the output, not {output[-200:]!r}"
        raise RunError(message) from error
    if not isinstance(answer, dict):
        message = f"expected a JSON object in the last line of the output, not {answer!r}"
        raise RunError(message)
    return answer
