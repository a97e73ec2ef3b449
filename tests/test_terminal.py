"""Names from outside are printed as they are: neither markup, nor codes, nor secrets."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress

from tau3mu.console.terminal import PlainConsole, PlainTable, description_column, plain
from tau3mu.outputs import cutflow_table
from tau3mu.run import main

NAMES = ["Ds [/GeV]", "[red]x[/red]", "m [GeV]", "[/]", "[link=x]", ":cat:", "[bold]"]


@pytest.mark.parametrize("name", NAMES)
def test_console(capsys, name):
    console = PlainConsole(soft_wrap=True)
    console.print(name)
    console.print("two:", name, highlight=False)
    with console.status(f"Fitting {name}"):
        pass
    assert capsys.readouterr().out == f"{name}\ntwo: {name}\n"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("markup", [True, False])
def test_tables_on_any_console(name, markup):
    text = StringIO()
    table = PlainTable(name, "Value", title=name)
    table.add_column(name)
    table.add_row(name, "1", name)
    Console(file=text, width=100, markup=markup).print(table)
    assert text.getvalue().count(name) == 5  # the title, two headers, two cells


@pytest.mark.parametrize("name", NAMES)
def test_cutflows(name):
    text = StringIO()
    step = {"name": name, "events": 3, "candidates": 3, "sumw": 3.0}
    Console(file=text, width=120).print(cutflow_table({name: [step]}, title=name))
    assert text.getvalue().count(name) == 3


@pytest.mark.parametrize("name", NAMES)
def test_progress(name):
    console = PlainConsole()
    console.file = StringIO()
    with Progress(description_column(), console=console) as progress:
        progress.add_task(f"Fitting {name}", total=1)
    assert f"Fitting {name}" in console.file.getvalue()


def test_codes_of_terminals_and_secrets_are_not_printed():
    text = plain("\x1b[31mred\x07\tx\nhttps://h/x?token=abc").plain
    assert text == "\\x1b[31mred\\x07\tx\nhttps://h/x?token=***"


def test_a_title_with_brackets_ends_a_run_well(tmp_path, capsys):
    """A whole run was lost to rich's markup after its last event."""
    fit = {
        "schema_version": 2, "name": "one", "title": "Ds [/GeV]", "input": {"histogram": "mass"},
        "observable": {"name": "mass", "range": [1.65, 2.01], "label": "m [/x]", "unit": "GeV"},
        "parameters": {"slope": {"value": -1, "limits": [-10, 5]}},
        "components": {
            "all": {
                "label": "all [/]", "pdf": "Exponential", "yield": "n",
                "parameters": {"slope": "slope"},
            },
        },
        "method": {"engine": "numpy"},
    }  # fmt: skip
    path = tmp_path / "a [b].json"
    path.write_text(json.dumps(fit))
    folder = tmp_path / "out [red]"
    assert main(["--fit", str(path), "--output", str(folder)]) in {0, 1}
    printed = capsys.readouterr()
    assert "Ds [/GeV]" in re.sub(r"\s+", " ", printed.err)
    assert str(folder) in printed.out
    assert json.loads((folder / "run.json").read_text())["status"] == "finished"
