"""The tutorial on trains can be followed: its commands and programs in their order."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import awkward as ak
import pytest

import tau3mu

PAGE = Path(__file__).parents[2] / "docs" / "tutorial-trains.md"
BLOCK = re.compile(r'^```(\w+)(?: title="(\S+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_the_tutorial_on_trains_can_be_followed(tmp_path, monkeypatch):
    """Without its fits, which others test."""
    monkeypatch.chdir(tmp_path)
    codes = {}
    for language, title, text in BLOCK.findall(PAGE.read_text()):
        if title:
            Path(title).write_text(text.replace("fit: dsphipi", "fit: null"))
        elif language == "python":
            exec(compile(text, str(PAGE), "exec"), {})
        else:
            for line in text.splitlines():
                _, _, module, *arguments = shlex.split(line)
                main = importlib.import_module(f"{module}.__main__").main
                codes[line.removeprefix("python -m tau3mu.")] = main(arguments)
    different = {line for line, code in codes.items() if code}
    assert different == {line for line in codes if line.startswith("train compare")}
    assert len(codes) > 15
    trains = Path("trains", "trains")
    short, whole, skim = (tau3mu.open(trains / f"000{n}" / "results") for n in (1, 2, 3))
    numbers = {name: len(results.candidates) for name, results in whole.items()}
    assert numbers | {"dimuons": 0} == {
        "dsphipi": 1480, "dsphipi_tight": 1379, "dsphipi_loose": 1504, "dimuons": 0,
    }  # fmt: skip
    assert short["dsphipi"].cutflow["demo"][0]["events"] == 3000
    assert len(skim["loose"].candidates) == numbers["dsphipi_loose"]
    read = tau3mu.open("results/skim")["dsphipi"].candidates
    columns = [name for name in read.fields if name not in {"dataset", "file"}]
    assert ak.array_equal(read[columns], whole["dsphipi"].candidates[columns])
