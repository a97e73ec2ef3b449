"""The notebooks run from top to bottom, and say what they have said when they were committed.

`pytest --update-golden -m integration tests/test_notebook.py` writes their outputs again.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TEACHING = ("events_and_cuts", "fits", "search", "search_chain")
NUMBER = re.compile(r"[-+−]?\d+\.?\d*")


def _executed(notebook, **options):
    """Runs all cells of a notebook; to import what does takes seconds, also where it is not run."""
    from nbclient import NotebookClient

    NotebookClient(notebook, kernel_name="python3", **options).execute()
    return notebook


def _shipped(name):
    import nbformat

    return nbformat.read(NOTEBOOKS / name, as_version=4)


def _committed(name):
    """The cells with code as they are in the file, without the import of nbformat."""
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def _printed(cells):
    """What each cell with code has printed."""
    return [
        "".join("".join(one["text"]) for one in cell["outputs"] if one.get("name") == "stdout")
        for cell in cells
        if cell["cell_type"] == "code"
    ]


def _numbers(text):
    return [float(number.replace("−", "-")) for number in NUMBER.findall(text)]


def _pictures(cells):
    outputs = [one for cell in cells for one in cell.get("outputs", ())]
    return sum("image/png" in one.get("data", {}) for one in outputs)


@pytest.mark.integration
@pytest.mark.parametrize("name", TEACHING)
def test_a_notebook_says_what_it_said(name, pytestconfig):
    committed, where = _committed(name), {"metadata": {"path": str(NOTEBOOKS)}}
    notebook = _executed(_shipped(f"{name}.ipynb"), timeout=300, resources=where)
    if pytestconfig.getoption("--update-golden"):
        import nbformat

        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
        nbformat.write(notebook, NOTEBOOKS / f"{name}.ipynb")
        return
    assert _pictures(notebook.cells) == _pictures(committed) >= 6
    for text, expected in zip(_printed(notebook.cells), _printed(committed), strict=True):
        assert NUMBER.sub("#", text).split() == NUMBER.sub("#", expected).split()
        assert _numbers(text) == pytest.approx(_numbers(expected), rel=0.02, abs=0.02)


@pytest.mark.parametrize("name", TEACHING)
def test_what_is_committed_is_whole_and_of_no_machine(name):
    cells = _committed(name)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert max(len(cell["source"]) for cell in cells) <= 45
    for output in (one for cell in cells for one in cell["outputs"]):
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr"
        texts = [output.get("text", ""), *output.get("data", {}).values()]
        text = "".join("".join(one) for one in texts if not isinstance(one, dict))
        assert not re.search(r"/(tmp|home|work|root|Users)/\w| at 0x", text)


def test_the_notebook_on_fits_has_the_yield_of_roofit(oracle):
    text = "".join(_printed(_committed("fits")))
    assert "valid\n" in text
    reference = json.loads((oracle / "roofit_dsphipi_demo_wellposed.json").read_text())
    (line,) = [line for line in text.splitlines() if line.startswith("nDs ")]
    value, error = reference["params"]["nDs"]
    assert float(line.split()[1]) == pytest.approx(value, abs=0.05 * error)


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
