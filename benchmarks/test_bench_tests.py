"""How well a short test tells what a run of many events needs."""

from __future__ import annotations

import sys

import pytest

import tau3mu.train
from measuring.inputs import make_sample
from measuring.measurement import measure
from tau3mu.train import Train, Wagon

SECONDS = 20.0
TARGETS = {"CPU": 0.25, "output": 0.20, "memory": 0.20}
CASES = {
    "one wagon": {},
    "a wagon of twenty variants without sharing": {
        f"v{number}": {"flight_significance": 1.1 + 0.2 * number} for number in range(20)
    },
}


@pytest.mark.parametrize("case", CASES)
def test_extrapolation(study, options, tmp_path, case):
    paths = make_sample(
        options.cache,
        layout="nano",
        compression="zlib",
        events=options.large_events // 8,
        files=8,
        workers=options.max_workers,
    )
    settings = {"no_sharing": True} if CASES[case] else {}
    wagon = Wagon("dsphipi", variants=CASES[case], fit=None)
    train = Train({"dsphipi": wagon}, [str(paths[0].parent / "*.root")], settings=settings)
    (tested,) = tau3mu.train.test(train, store=tmp_path / "store", time_limit=SECONDS)
    expected = tested.metrics.expected
    guess = {
        "CPU": expected.cpu_hours * 3600,
        "output": expected.output_bytes / 1e6,
        "memory": expected.memory_bytes / 1e6,
    }
    output = tmp_path / "run"
    command = [sys.executable, "-m", "tau3mu.run", "--no-fit", "--output", str(output)]
    for name, patch in CASES[case].items():
        value = patch["flight_significance"]
        command += ["--variant", f"dsphipi_{name}:flight_significance={value}"]
    usage, _ = measure([*command, *(["--no-sharing"] if settings else []), *map(str, paths)])
    folders = [folder for folder in output.iterdir() if (folder / "cutflow.json").is_file()]
    size = sum(file.stat().st_size for folder in folders for file in folder.iterdir())
    true = {"CPU": usage.cpu, "output": size / 1e6, "memory": usage.peak / 1e6}
    for name, unit in {"CPU": "s", "output": "MB", "memory": "MB"}.items():
        off = guess[name] / true[name] - 1
        study.add(
            f"{name} of {options.large_events} events by a test of {SECONDS:g} s, {case}",
            f"{100 * off:+.0f} % ({guess[name]:.3g} of {true[name]:.3g} {unit})",
            f"within {100 * TARGETS[name]:.0f} %",
            met=abs(off) <= TARGETS[name],
        )
