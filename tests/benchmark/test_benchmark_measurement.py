"""Measuring a command: each quantity against a program that takes a known amount of it."""

from __future__ import annotations

import sys
import time

import pytest

from measuring.measurement import measure
from tau3mu.errors import RunError

BURN = """
import os, time
while sum(os.times()[:2]) < {seconds}:
    pass
"""
IN_A_CHILD = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}], check=True)"
)


def python(program):
    return [sys.executable, "-I", "-S", "-c", program]


def test_time_and_output():
    before = time.time()
    usage, output = measure(python("import time; time.sleep(0.5); print('done')"))
    assert output == "done\n"
    assert 0.5 < usage.wall < 5
    assert usage.cpu < 0.4
    assert before <= usage.started <= time.time()


def test_cpu_of_a_child_counts():
    usage, _ = measure(python(IN_A_CHILD.format(program=BURN.format(seconds=0.6))))
    assert 0.6 <= usage.cpu < 1.2


def test_memory_is_that_of_the_largest_process_and_not_that_of_the_caller():
    ballast = b"x" * 300_000_000  # of this process, which the command must not be blamed for
    small, _ = measure(python("pass"))
    large, _ = measure(python(IN_A_CHILD.format(program="x = b'x' * 100_000_000")))
    assert len(ballast) == 300_000_000
    assert small.peak < 150_000_000
    assert 100_000_000 < large.peak < small.peak + 140_000_000


def test_memory_of_the_tree_adds_up():
    child = python("import time; x = b'x' * 80_000_000; time.sleep(1.5)")
    both = f"import subprocess as s; [p.wait() for p in [s.Popen({child!r}) for _ in range(2)]]"
    usage, _ = measure(python(both))
    alone, _ = measure(python("import time; time.sleep(0.5)"))
    assert 80_000_000 < usage.peak < alone.peak + 100_000_000
    assert 160_000_000 < usage.peak_tree < 3 * alone.peak + 200_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the bytes")
def test_bytes_read(tmp_path):
    file = tmp_path / "content"
    file.write_bytes(bytes(5_000_000))
    without, _ = measure(python("pass"))
    usage, _ = measure(python(f"open({str(file)!r}, 'rb', 0).read(4_000_000)"))
    assert usage.read - without.read == pytest.approx(4_000_000, abs=20_000)


def test_a_command_that_fails_says_how_it_ended():
    with pytest.raises(RunError, match=r"(?s)exit code 3\nthe last word"):
        measure(python("import sys; print('the last word', file=sys.stderr); sys.exit(3)"))


def test_a_command_that_is_killed_fails():
    with pytest.raises(RunError, match="exit code 137"):
        measure(python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))


def test_a_command_that_does_not_exist():
    with pytest.raises(
        RunError, match=r"exit code 127\ncannot start no-such-program: No such file"
    ):
        measure(["no-such-program"])
