"""`tau3mu report`: one file of HTML, and tables in LaTeX and Markdown; yields on the way."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest
from errors import raises
from hostile_names import HOSTILE
from html_checks import page_of

import tau3mu
from tau3mu.plotting import stability_figure
from tau3mu.report import result_view
from tau3mu.report.__main__ import main
from tau3mu.report.formats import LATEX, MARKDOWN
from tau3mu.report.written import written_tables
from tau3mu.run.summary import summary

LUMIS = {"2017B": 2.0, "2017C": 0.5}


@pytest.fixture(scope="session")
def eras_run(tmp_path_factory):
    """The demo, of which each file is an era; per luminosity, the second has far more."""
    folder = tmp_path_factory.mktemp("eras")
    (demo,) = tau3mu.datasets("demo")
    content = {
        era: {"files": {path: tree}, "metadata": {"era": era, "is_mc": False, "lumi": lumi}}
        for (era, lumi), (path, tree) in zip(LUMIS.items(), demo.files.items(), strict=True)
    }
    (folder / "eras.json").write_text(json.dumps(content))
    return tau3mu.run(str(folder / "eras.json"), no_fit=True, output=folder / "run")


@pytest.fixture
def fitted(eras_run, tmp_path):
    """A copy with the numbers of a fit."""
    folder = shutil.copytree(eras_run.folder, tmp_path / "copy")
    common = {"fixed": False, "at_limit": False, "limits": [0.0, 5.0]}
    fit = {
        "model": "peak_1", "valid": True, "status": "ok", "messages": [], "chi2": 56.84, "ndf": 52,
        "p_value": 0.3, "nll": 1.0, "edm": 0.0,
        "parameters": {
            "mean_Ds": {"value": 1.96599, "error": 0.00054, **common},
            "nDs": {"value": 779.2, "error": 33.1, "minos": [-32.4, 34.1], **common,
                    "limits": [0.0, 2898.0]},
            "tail": {"value": 5.0, "error": None, **common, "at_limit": True},
            "width": {"value": 2.0, "error": 9.0, **common},
            "power": {"value": 3.0, "error": None, **common, "fixed": True, "limits": None},
        },
    }  # fmt: skip
    (folder / "dsphipi" / "fit.json").write_text(json.dumps(fit))
    return folder


def test_the_yields_are_in_python_and_in_the_folder(eras_run):
    results = eras_run["dsphipi"]
    stored = json.loads((results.folder / "yields.json").read_text())
    assert stored == json.loads(json.dumps(results.yields.to_dict()))
    again = tau3mu.open(eras_run.folder)["dsphipi"]
    assert again.yields == results.yields
    table = again.yields.selected
    candidates = {one: len(again.candidates[again.candidates.dataset == one]) for one in LUMIS}
    assert {era: row.amount.value for era, row in table.eras.items()} == candidates
    assert sum(candidates.values()) == table.total.amount.value == 1480
    assert {era: row.per_fb.value for era, row in table.eras.items()} == {
        era: number / LUMIS[era] for era, number in candidates.items()
    }
    assert again.yields.off == {"selected": ["2017B", "2017C"]}  # of two, none is the right one
    for shown in (repr(again.yields), again.yields._repr_html_(), again._repr_html_()):
        assert f"{candidates['2017B'] / 2:.0f} ± " in shown
    assert set(again.yields.selected.eras) == set(LUMIS)


def test_results_of_some_runs_have_yields_without_luminosity(tmp_path):
    run = tau3mu.run(
        tau3mu.datasets("demo", max_files=1), no_fit=True, per_run=True, output=tmp_path / "run"
    )
    results = run["dsphipi"]
    some = results.of_runs(results.runs[:2])
    assert some.yields.selected.total.amount.value == len(some.candidates)
    assert some.yields.selected.total.lumi is None


def test_the_page_has_the_yields_the_stability_and_what_was_counted(fitted, capsys):
    assert main([str(fitted)]) == 0
    assert capsys.readouterr().out == f"{fitted / 'report.html'}\n"
    page = page_of((fitted / "report.html").read_text())
    page.check_harmless()
    (view,) = result_view(fitted)["processors"]
    (yields,) = view["yields"]
    for row in yields["rows"]:
        assert [row[key] for key in yields["headers"]] in [
            [cell.strip() for cell in found] for found in page.rows
        ]
    assert all(line in page.texts for line in yields["verdict"])
    counters = next(row for row in page.rows if row[0] == "track_unmatched")
    assert sum(map(int, counters[1:3])) == 145
    assert len(counters[3]) > 20  # in words
    texts = {one["name"]: (one["mark"], one["at_limit"]) for one in view["fit"]["parameters"]}
    assert texts["tail"] == ("at its upper limit", True)
    assert texts["width"] == ("not determined", False)
    assert texts["mean_Ds"] == texts["power"] == ("", False)
    assert "at its upper limit" in page.text
    assert sum("Yields per luminosity" in v for _, n, v in page.attributes if n == "alt") == 1


def test_nothing_is_replaced_and_other_folders_are_refused(eras_run, tmp_path, capsys):
    file = tmp_path / "tables.md"
    assert main([str(eras_run.folder), "--markdown", "--output", str(file)]) == 0
    text = file.read_text()
    capsys.readouterr()
    for how in (["--markdown"], ["--latex"], []):
        assert main([str(eras_run.folder), *how, "--output", str(file)]) == 1
    assert file.read_text() == text
    for how in ([], ["--latex"]):
        assert main([str(tmp_path), *how]) == 1
    assert list(tmp_path.iterdir()) == [file]


def test_latex_has_the_numbers_with_the_digits_of_the_pdg(fitted):
    text = written_tables(fitted, LATEX)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 4
    for row in (
        r"mean\_Ds & $1.9660 \pm 0.0005$ & ",
        "nDs & $779^{+34}_{-32}$ & ",
        "tail & $5$ & at its upper limit",
        "power & $3$ & fixed",
        r"$\chi^2$/ndf & 56.8/52 & p = 0.3",
    ):
        assert f"    {row} \\\\\n" in text
    assert re.search(r"2017B & 2 & \$\d+ \\pm \d+\$ & \$\d+ \\pm \d+\$ & LOW: \$-\$", text)
    for line in text.splitlines():  # as many cells as columns
        if line.endswith(r"\\"):
            assert line.replace(r"\&", "").count("&") in {2, 4}, line


def test_markdown_has_a_table_of_equal_rows_for_each(fitted):
    text = written_tables(fitted, MARKDOWN)
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert len(tables) == 4
    for table in tables:
        assert len({line.replace(r"\|", "").count("|") for line in table.splitlines()}) == 1
    assert "| trigmatch | " in tables[0]
    assert "| mean\\_Ds | 1.9660 ± 0.0005 |  |" in tables[3]


def test_names_do_no_harm(hostile):
    latex, markdown = (written_tables(hostile, form) for form in (LATEX, MARKDOWN))
    assert HOSTILE not in markdown
    assert r"\<img src=x" in markdown
    assert LATEX.text(r"100% of a_b & {c} \d $x$ #^~") == (
        r"100\% of a\_b \& \{c\} \textbackslash{}d \$x\$ \#\textasciicircum{}\textasciitilde{}"
    )
    assert latex.count(r"\begin{table}") == 4


@pytest.mark.parametrize("form", ["--latex", "--markdown"])
@pytest.mark.parametrize("file", ["cutflow.json", "histograms.json", "yields.json", "fit.json"])
def test_no_table_is_left_out_since_a_file_is_damaged(file, form, fitted, capsys):
    (fitted / "dsphipi" / file).write_text("{")
    assert main([str(fitted), form]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert str(fitted / "dsphipi" / file) in " ".join(printed.err.split())


def test_tables_of_a_run_of_which_events_are_missing(hostile, capsys):
    """That a file is missing must not be known to the folder alone."""
    assert main([str(hostile), "--latex"]) == 0
    printed = capsys.readouterr()
    assert printed.out == written_tables(hostile, LATEX)
    assert "warning: " in printed.err
    assert "missing in these results" in printed.err


def test_a_run_without_results_has_no_tables(written):
    folder = written({}, {}, status="incomplete")
    with raises("report.no-results"):
        written_tables(folder, LATEX)


def test_the_last_lines_say_whether_the_results_can_be_used(eras_run, hostile, demo_run):
    lines = summary(eras_run)
    assert [kind for kind, _ in lines] == ["plain", "plain", "doubt", "doubt"]
    assert "12000" in lines[0][1]
    assert "1480 of 12000" in lines[1][1]
    assert all(era in lines[2][1] for era in LUMIS)
    assert summary(tau3mu.open(demo_run))[-1][0] == "good"
    kind, text = summary(tau3mu.open(hostile))[-1]
    assert kind == "bad"
    assert "57 events of 2 files" in text
    assert "third" in text


def test_a_stability_plot_needs_two_eras(eras_run, demo_run):
    figure = stability_figure(eras_run.folder, "dsphipi")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(LUMIS)
    drawn = [container.lines[0].get_ydata()[0] for container in axes.containers]
    rows = eras_run["dsphipi"].yields.selected.eras.values()
    assert drawn == [row.per_fb.value for row in rows]
    with raises("plotting.no-eras"):
        stability_figure(demo_run, "dsphipi")


def test_help_is_fast():
    code = """
import sys
from tau3mu.report.__main__ import main
try:
    main(["--help"])
except SystemExit:
    print([name for name in ("awkward", "numpy", "hist", "zfit") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
