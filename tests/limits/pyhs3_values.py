"""Evaluates a model in HS3 with pyhs3.

    python pyhs3_values.py JOB.json > ANSWER.json

A job is `{"hs3": MODEL, "points": [{NAME: VALUE}]}`, the answer has the NLL at all points.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyhs3
import pytensor


def values(job):
    workspace = pyhs3.Workspace(**job["hs3"])
    read = workspace.model(workspace.analyses["analysis"], progress=False)
    inputs = list(pytensor.graph.traversal.explicit_graph_inputs([read.log_prob]))
    mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
    log_prob = pytensor.function(inputs, read.log_prob, mode=mode)
    found = []
    for point in job["points"]:
        known = dict(read.nominal_params) | point | dict(read.data)
        given = [np.reshape(known[one.name], (-1,) * one.ndim) for one in inputs]
        found.append(-float(log_prob(*given)[0]))
    return found


if __name__ == "__main__":
    print(json.dumps(values(json.loads(Path(sys.argv[1]).read_text()))))
