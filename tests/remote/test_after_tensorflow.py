"""XRootD's client in a process that has TensorFlow already."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("fsspec_xrootd")

PROGRAM = """
import sys, types
sys.modules["tensorflow"] = types.ModuleType("tensorflow")
from tau3mu.datasets.contents import Asked
from tau3mu.datasets.inspection import FileJob, inspect_file
asked = Asked(None, None, frozenset({"triplet.mass"}))
print(inspect_file(FileJob("x", "root://localhost:1//a.root", asked)).problems[0])
"""


def test_it_is_refused_rather_than_a_crash():
    """The two libraries together end the process with a segmentation fault."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert "cannot be loaded into a process that has TensorFlow" in done.stdout
    assert "import XRootD.client" in done.stdout
