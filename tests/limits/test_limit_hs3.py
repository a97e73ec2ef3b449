"""Models in HS3: RooFit and pyhs3 find the same likelihood in the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hs3_cases import CASES, R, case, named

from tau3mu.limits.asymptotic import profile, unconditional
from tau3mu.limits.exchange.hs3 import hs3

HERE = Path(__file__).parent
ORACLE = HERE.parent / "data" / "oracle" / "limits_hs3_roofit.json"


def root_python():
    """Returns a Python with ROOT, None if there is none: that of `TAU3MU_ROOT_PYTHON`, or this."""
    python = os.environ.get("TAU3MU_ROOT_PYTHON", sys.executable)
    found = subprocess.run([python, "-c", "import ROOT"], capture_output=True, check=False)
    return python if found.returncode == 0 else None


def ask_roofit(python, cases, folder):
    """Returns what RooFit says of all toys of some cases."""
    jobs, owners = [], []
    for name in cases:
        made, toys, points, names = case(name)
        for number, toy in enumerate(toys):
            file = folder / f"{name}_{number}.json"
            file.write_text(json.dumps(hs3(made, toy)), encoding="utf-8")
            jobs.append({"hs3": str(file), "points": [named(names, one) for one in points],
                         "r": list(R)})  # fmt: skip
            owners.append(name)
    job = folder / "job.json"
    job.write_text(json.dumps(jobs), encoding="utf-8")
    done = subprocess.run([python, str(HERE / "roofit_hs3.py"), str(job)], capture_output=True,
                          text=True, check=True)  # fmt: skip
    answer = json.loads(done.stdout.rpartition("ANSWER ")[2])
    found = {name: [] for name in cases}
    for name, one in zip(owners, answer["answers"], strict=True):
        found[name].append(one)
    return {"root": answer["root"], "cases": found}


def compare(name, found):
    """Compares NLL in differences, and profiled q."""
    made, toys, points, _ = case(name)
    like = made.likelihood
    assert len(found) == len(toys)
    for toy, roofit in zip(toys, found, strict=True):
        values = like.value(points, toy.repeated(len(points)))
        theirs = np.array(roofit["nll"])
        np.testing.assert_allclose(values - values[0], theirs - theirs[0], atol=1e-4, rtol=0)
        best = unconditional(like, toy, points[0])
        fixed = profile(like, toy, np.array(R), points[0])
        np.testing.assert_allclose(2 * (fixed.value - best.value), roofit["q"], atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", CASES)
def test_roofit_found_the_same(name):
    compare(name, json.loads(ORACLE.read_text(encoding="utf-8"))["cases"][name])


@pytest.mark.integration
def test_roofit_finds_the_same(tmp_path):
    python = root_python()
    if python is None:
        pytest.skip("no ROOT here; its numbers are compared by the other test")
    found = ask_roofit(python, CASES, tmp_path)["cases"]
    for name in CASES:
        compare(name, found[name])


if __name__ == "__main__":  # python test_limit_hs3.py FOLDER: makes the numbers of RooFit anew
    answers = ask_roofit(root_python(), CASES, Path(sys.argv[1]))
    ORACLE.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")
