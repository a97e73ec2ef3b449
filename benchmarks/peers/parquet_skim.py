"""The selection of the package on parquet files that hold the branches of NanoAOD-like ntuples.

usage: python parquet_skim.py FILE...

The package itself reads TTrees and RNTuples only; this shows what its selection costs when the
columns come from elsewhere. It prints what `run_program` expects.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import awkward as ak

from tau3mu.ntuples.events import make_events
from tau3mu.processors import DsPhiPi

COLUMNS = ("run", "lumi", "event", "triplet", "mass")


def main() -> None:
    steps: dict[str, int] = {}
    rows: list[list[float]] = []
    reading = time.time()
    for path in sys.argv[1:]:
        table = ak.from_parquet(path)
        events = make_events(
            {name: table[name] for name in table.fields},
            layout="nano",
            n_events=len(table),
            source=(Path(path).stem, "Events"),
            metadata={"dataset": "files", "is_mc": False},
        )
        selection = DsPhiPi().selection(events)
        for step in selection.cutflow:
            steps[step.name] = steps.get(step.name, 0) + step.events
        columns = [selection.candidates[column].to_list() for column in COLUMNS]
        rows += [list(row) for row in zip(*columns, strict=True)]
    times = {"reading": reading, "read": time.time()}
    print(json.dumps({"steps": steps, "candidates": rows, "times": times}))


if __name__ == "__main__":
    main()
