"""What a standard skim of few events costs to write, and what a second pass over it saves."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from contextlib import closing
from statistics import median

from tau3mu.datasets import Dataset, check_files, load_datasets, make_chunks
from tau3mu.derived import read_derived
from tau3mu.execution import execute
from tau3mu.processors import DsPhiPi
from tau3mu.run import Settings, analyse, prepare

STEP = "vertex"


def loop_cpu(datasets):
    """Returns the CPU seconds of the event loop."""
    chunks = make_chunks(check_files(datasets, DsPhiPi().columns), datasets, 150_000)
    ends = []
    begin = time.process_time()
    execute(chunks, [DsPhiPi()], on_result=lambda _: ends.append(time.process_time()))
    return ends[-1] - begin


def run_cpu(datasets, folder, skim):
    """Returns the CPU seconds of a run from its plan to its results folder."""
    settings = Settings.of(no_fit=True, output=folder, skim=skim)
    with closing(prepare(datasets, ["dsphipi"], settings)) as plan:
        begin = time.process_time()
        analyse(plan)
        return time.process_time() - begin


def command_cpu(arguments):
    """Returns the CPU seconds of `python -m tau3mu.run`, its imports included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "tau3mu.run", "--no-fit", *map(str, arguments)],
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_skim_and_a_second_pass(study, files, options, tmp_path):
    parent = [Dataset("files", {file.path: file.tree for file in files})]
    run_cpu(parent, tmp_path / "first", [STEP])  # caches, imports
    skim = tmp_path / "first" / "derived" / f"dsphipi_{STEP}"
    record = read_derived(skim).datasets["files"]
    fraction = record.cutflow[-1].events / record.cutflow[0].events
    assert fraction <= 0.1
    second = load_datasets(skim / "dataset.json")
    rounds = [(loop_cpu(parent), loop_cpu(second)) for _ in range(options.repeats)]
    one, two = (median(column) for column in zip(*rounds, strict=True))
    text = f"{two / one:.3f} ({two:.3g} of {one:.3g} s; {100 * fraction:.1f} % of the events)"
    what = "CPU of the event loop, second pass over a skim / first pass"
    study.add(what, text, "<= 0.1", met=two / one <= 0.1)

    rounds = [
        (
            run_cpu(parent, tmp_path / f"plain{n}", []),
            run_cpu(parent, tmp_path / f"skim{n}", [STEP]),
        )
        for n in range(options.repeats)
    ]
    plain, writing = (median(column) for column in zip(*rounds, strict=True))
    text = f"{writing / plain - 1:+.1%} ({writing:.3g} of {plain:.3g} s)"
    study.add("CPU of a run that writes the skim", text, "<= +10 %", met=writing / plain <= 1.1)

    paths = [file.path for file in files]
    whole = [command_cpu([*paths, "--output", tmp_path / f"w{n}"]) for n in range(options.repeats)]
    again = [
        command_cpu(["--dataset", skim / "dataset.json", "--output", tmp_path / f"a{n}"])
        for n in range(options.repeats)
    ]
    ratio = median(again) / median(whole)
    events = record.cutflow[0].events
    text = f"{ratio:.2f} ({median(again):.3g} of {median(whole):.3g} s, {events} events)"
    study.add("CPU of the command without fit, skim / parent", text, "<= 0.35", met=ratio <= 0.35)
