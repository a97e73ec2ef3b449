"""The notebook runs from top to bottom, and ends in the fit of the demo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def _executed(notebook, **options):
    """Runs all cells of a notebook; to import what does takes seconds, also where it is not run."""
    from nbclient import NotebookClient

    NotebookClient(notebook, kernel_name="python3", **options).execute()
    return notebook


def _shipped(name):
    import nbformat

    return nbformat.read(NOTEBOOKS / name, as_version=4)


def test_the_notebook_of_the_control_channel(oracle):
    notebook = _executed(_shipped("dsphipi.ipynb"), timeout=300)
    outputs = [output for cell in notebook.cells if "outputs" in cell for output in cell.outputs]
    text = "".join(
        output.get("text", output.get("data", {}).get("text/plain", "")) for output in outputs
    )
    expected = json.loads((oracle / "dsphipi_demo_intended.json").read_text())
    assert str(expected["cutflow"]) in " ".join(text.split())
    assert "valid\n" in text
    reference = json.loads((oracle / "roofit_dsphipi_demo_wellposed.json").read_text())
    (line,) = [line for line in text.splitlines() if line.startswith("nDs ")]
    value, error = reference["params"]["nDs"]
    assert float(line.split()[1]) == pytest.approx(value, abs=0.05 * error)
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2


@pytest.mark.integration
def test_the_notebook_on_trains(tmp_path):
    where = {"metadata": {"path": str(tmp_path)}}
    notebook = _executed(_shipped("trains.ipynb"), timeout=300, resources=where)
    outputs = [output for cell in notebook.cells if "outputs" in cell for output in cell.outputs]
    text = "".join(output.get("text", "") for output in outputs)
    numbers = {"dsphipi": 1480, "dsphipi_tight": 1379, "dsphipi_loose": 1504}
    assert str(numbers)[:-1] in text
    assert "exit codes [0, 0]" in text
    assert "SAME\n" in text
    tables = [
        output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})
    ]
    assert sum("<table" in table for table in tables) >= 4
    assert len(list((tmp_path / "trains" / "trains").iterdir())) == 2


def test_cutflows_are_shown_once_and_written_in_a_notebook():
    """Rich shows in a kernel what it prints to a file, and the file stayed empty."""
    import nbformat

    row = "{'name': 'all', 'events': 7654321, 'candidates': 3, 'sumw': 3.0}"
    code = f"from tau3mu.report import ProcessorCutflow\nProcessorCutflow({{'d': [{row}]}})"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    (shown,) = _executed(notebook, timeout=100).cells[0].outputs
    assert "7654321" in shown["data"]["text/plain"]
    assert ">7,654,321</td>" in shown["data"]["text/html"]
