"""How long the check of a train file takes, from the shell's point of view."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from statistics import median

TRAIN = {
    "schema_version": 1,
    "wagons": {
        "dsphipi": {
            "processor": "dsphipi",
            "variants": {f"v{i}": {"flight_significance": 1.05 + 0.2 * i} for i in range(20)},
        },
        "notebook": {"processor": "dsphipi_notebook"},
    },
    "datasets": ["demo", "dsphipi_2017"],
}


def cpu_of_children():
    """The CPU seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_check_of_a_train_file(study, options, tmp_path):
    file = tmp_path / "train.json"
    file.write_text(json.dumps(TRAIN))
    command = [sys.executable, "-m", "tau3mu.train", "check", str(file)]
    times = []
    for _ in range(options.repeats + 1):
        begin, before = time.perf_counter(), cpu_of_children()
        subprocess.run(command, check=True, capture_output=True)
        times.append((cpu_of_children() - before, time.perf_counter() - begin))
    cpu, wall = (median(column[1:]) for column in zip(*times, strict=True))
    # One thread: on a machine that others use as well, the CPU time says what it would take.
    text = f"{cpu:.2f} s of CPU, {wall:.2f} s on the clock"
    study.add("train check, 22 wagons and variants", text, "1.5 s", met=cpu < 1.5)
