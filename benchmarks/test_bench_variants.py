"""What twenty values of one cut cost in one pass, against one value."""

from __future__ import annotations

import resource
import time
from statistics import median

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution import execute
from tau3mu.processors import DsPhiPi

ONE = [DsPhiPi()]
TWENTY = [DsPhiPi(name=f"v{i}", flight_significance=1 + 0.2 * i) for i in range(20)]


def cpu_and_peak(chunks, processors):
    """Returns the CPU seconds of the event loop, and the peak memory of the process so far."""
    cpu, peak, _ = measured(chunks, processors)
    return cpu, peak


def measured(chunks, processors):
    """Returns the same with the bytes that were read."""
    ends = []
    begin = time.process_time()
    result = execute(chunks, processors, on_result=lambda _: ends.append(time.process_time()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return ends[-1] - begin, peak, result.bytes


def test_twenty_values_of_a_cut(study, files, options):
    dataset = Dataset("files", {file.path: file.tree for file in files})
    chunks = make_chunks(check_files([dataset], ONE[0].columns), [dataset], 150_000)
    cpu_and_peak(chunks, ONE)  # caches, imports
    _, before = cpu_and_peak(chunks, ONE)
    rounds = [
        (cpu_and_peak(chunks, ONE)[0], cpu_and_peak(chunks, TWENTY)[0])
        for _ in range(options.repeats)
    ]
    _, after = cpu_and_peak(chunks, TWENTY)
    ratio = median(twenty / one for one, twenty in rounds)
    one, twenty = (median(column) for column in zip(*rounds, strict=True))
    text = f"{ratio:.2f} ({twenty:.3g} against {one:.3g} s)"
    study.add("CPU of the event loop, 20 values of a cut / 1", text, "<= 1.25", met=ratio <= 1.25)
    memory = after / before
    read = [measured(chunks, processors)[2] for processors in (ONE, TWENTY)]
    text = f"{read[1]} and {read[0]}"
    study.add("bytes read, 20 values of a cut and 1", text, "equal", met=read[0] == read[1])
    study.add("peak memory, 20 values of a cut / 1", f"{memory:.2f}", "<= 1.15", met=memory <= 1.15)
