"""How long the check of a train file takes, from the shell's point of view."""

from __future__ import annotations

import json
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


def test_the_check_of_a_train_file(study, options, tmp_path):
    file = tmp_path / "train.json"
    file.write_text(json.dumps(TRAIN))
    command = [sys.executable, "-m", "tau3mu.train", "check", str(file)]
    seconds = []
    for _ in range(options.repeats + 1):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - begin)
    taken = median(seconds[1:])
    study.add("train check, 22 wagons and variants", f"{taken:.2f} s", "1.5 s", met=taken < 1.5)
