"""Runs a processor on a dataset and prints when each stage began.

usage: python probe.py JOB     JOB is a JSON object: dataset (a dataset file), processor, values,
                               folder, executor, workers, scheduler, chunk_size

It does what `python -m tau3mu.run --no-fit` does, without the progress bar, and prints a JSON
object: `folder` with the results, and `times` in seconds since the epoch.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.console.cli import run_main

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["main"]


class _Stamps:
    """The starts of the stages around the event loop; `reading` is the last before it."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}

    def stage(self, _: str) -> None:
        self._note(
            "read" if "first" in self.times else "reading", replace="first" not in self.times
        )

    def result(self, _: object) -> None:
        self._note("first", replace=False)

    def _note(self, name: str, *, replace: bool) -> None:
        if replace or name not in self.times:
            self.times[name] = time.time()


def main() -> int:
    """Runs the job and returns the exit code."""
    return run_main(_run, json.loads(sys.argv[1]))


def _run(job: Mapping[str, Any]) -> int:
    from tau3mu.datasets import load_datasets
    from tau3mu.run import CHUNK_SIZE, Settings, analyse, prepare

    stamps = _Stamps()
    settings = Settings(
        executor=job["executor"],
        workers=job["workers"],
        scheduler=job["scheduler"],
        insecure=True,  # toys on a cluster of one's own need no TLS
        output=Path(job["folder"]),
        chunk_size=job["chunk_size"] or CHUNK_SIZE,
        values=job["values"],
        no_fit=True,
    )
    datasets = load_datasets(job["dataset"])
    imported = time.time()
    plan = prepare(datasets, [job["processor"]], settings)
    checked = time.time()
    outcome = analyse(plan, on_result=stamps.result, on_stage=stamps.stage)
    times = {"imported": imported, "checked": checked, **stamps.times, "finished": time.time()}
    sys.stdout.write(json.dumps({"folder": str(outcome.folder), "times": times}) + "\n")
    return outcome.exit_code or 0


if __name__ == "__main__":
    sys.exit(main())
