"""The page on comparisons can be followed: its commands say what it says."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

from tau3mu.run import main as run
from tau3mu.train.__main__ import main as train

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "compare.md"


def test_the_page_on_comparisons_can_be_followed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    text = PAGE.read_text()
    shown = re.search(r'^```csv title="(\S+)"\n(.*?)^```', text, re.MULTILINE | re.DOTALL)
    Path(shown[1]).write_text(shown[2])
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    programs = {"tau3mu.run": run, "tau3mu.train": train}
    printed = {}
    for line in "".join(blocks).splitlines():
        _, program, *words = shlex.split(line)[1:]
        capsys.readouterr()
        assert programs[program](words) == (program == "tau3mu.train")
        printed[line] = capsys.readouterr().out
    compared, synced, listed = list(printed.values())[2:]
    outputs = re.findall(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for output, real in zip(outputs, (compared, synced), strict=True):
        cells = [_cells(other) for other in real.splitlines()]
        for line in output.splitlines():
            assert not re.search(r"\w", line) or _cells(line) in cells, line
    with Path("sync", "dsphipi_sync.csv").open() as file:
        rows = list(csv.DictReader(file))
    selected = [row for row in rows if not row["lost_a"]]
    at_flight = [row for row in selected if row["lost_b"] == "vertex: flight"]
    assert (len(selected), len(at_flight)) == (101, 55)
    lines = [_cells(line) for line in listed.splitlines()]
    assert ["297057", "1", "2", "id_ip: id_mu2"] in lines
    assert ["297057", "1", "22", "acceptance: acceptance_track"] in lines
    (mass,) = (cells for cells in lines if cells[0] == "mass")
    assert (mass[1], mass[-1]) == ("1", "1.97132")


def _cells(line):
    return [cell.strip() for cell in re.split("[│┃]", line.strip("│┃ "))]
