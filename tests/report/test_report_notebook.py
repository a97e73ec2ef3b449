"""Objects in notebooks are parts of reports, which disturb nothing around them."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from hostile_names import HOSTILE, LONG, RIGHT_TO_LEFT
from html_checks import page_of

import tau3mu
from tau3mu.compare import compare
from tau3mu.report import Cutflows, ProcessorCutflow
from tau3mu.report.notebook import in_notebook, part

ROW = {"events": 1234567, "candidates": 3, "sumw": 2.5}


def shown(thing):
    text = thing._repr_html_() if hasattr(thing, "_repr_html_") else in_notebook(thing)
    page = page_of(text)
    page.check_harmless()
    assert page.tags[0] == "div"
    return text, page


def test_a_run_shows_cutflow_fit_and_what_is_missing(hostile, demo_run, tmp_path):
    text, page = shown(tau3mu.open(hostile))
    assert "<img src=x" not in text
    for name in (HOSTILE, LONG, RIGHT_TO_LEFT):
        assert name in page.texts
    folder = shutil.copytree(demo_run, tmp_path / "copy")
    (folder / "dsphipi" / "fit.json").write_text(json.dumps({"valid": False, "status": HOSTILE}))
    for thing in (tau3mu.open(folder), tau3mu.open(folder)["dsphipi"]):
        text, page = shown(thing)
        assert "NOT VALID" in page.texts
        assert ["all", "12,000"] in [row[:2] for row in page.rows]
        assert len(text) < 15_000


def test_a_cutflow_shows_its_numbers():
    cuts = [{"name": HOSTILE, **ROW, "events": 2}]
    cutflow = ProcessorCutflow({"d": [{"name": "all", **ROW}, {"name": "v", **ROW, "cuts": cuts}]})
    _, page = shown(cutflow.details)
    assert page.rows[-2:] == [
        [f"- {HOSTILE}", "2", "3", "2.5", "0.00", "0.00"],
        ["v", "1,234,567", "3", "2.5", "100.00", "100.00"],
    ]
    _, page = shown(Cutflows({"one": cutflow, HOSTILE: cutflow}))
    assert page.texts.count("all") == 2
    shown(Cutflows())
    shown(ProcessorCutflow({"nothing": []}))


def test_a_comparison_shows_its_rows(demo_run, hostile):
    comparison = compare(demo_run, hostile)
    text, page = shown(comparison)
    assert "DIFFERENT" in page.texts
    for section in comparison.sections():
        for row in section.rows[: section.most]:
            assert list(row) in page.rows
    assert len(text) < 100_000


def test_secrets_and_control_characters_are_not_shown():
    text, page = shown(part("messages", ["root://user:s3cr3t@host//a", "\x00\x1b[31m"]))
    assert "s3cr3t" not in text
    assert "\\x00\\x1b[31m" in page.texts


def test_the_style_is_that_of_the_output_alone():
    text = in_notebook(part("state", "OK"))
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style.startswith(".tau3mu {")
    assert style.count("{") == style.count("}")
    depth = 0
    for position, sign in enumerate(style):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth > 0 or position in {*range(9), len(style) - 1}
    for word in (":root", "body {", "@media", "@import", "url("):
        assert word not in style


@pytest.mark.parametrize("kind", ["table", "grid", "facts", "cutflow", "comparison"])
def test_parts_of_nothing_are_well_formed(kind):
    empty = {
        "table": ([], "c"), "grid": ([], [], "c"), "facts": ({},), "cutflow": ({},),
        "comparison": ({"same": True, "headline": "SAME: x", "a": "", "b": "", "sections": []},),
    }  # fmt: skip
    shown(part(kind, *empty[kind]))
