"""One file with all of a result or a comparison: its numbers, and nothing that it could do harm."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from io import BytesIO

import numpy as np
import pytest
from errors import raises
from hostile_names import HOSTILE, LONG, RIGHT_TO_LEFT
from html_checks import page_of
from PIL import Image

import tau3mu
from tau3mu.compare import compare
from tau3mu.report import export_comparison, export_result


def exported(folder, tmp_path):
    export_result(folder, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    page = page_of(text)
    page.check_harmless()
    return text, page


@pytest.fixture(scope="session")
def demo_page(demo_run, tmp_path_factory):
    return exported(demo_run, tmp_path_factory.mktemp("exported"))


@pytest.fixture
def small_run(demo_run, tmp_path):
    """A copy of the results with one histogram, of which pictures are drawn fast."""
    folder = shutil.copytree(demo_run, tmp_path / "copy")
    path = folder / "dsphipi" / "histograms.json"
    path.write_text(json.dumps({"mass": json.loads(path.read_text())["mass"]}))
    return folder


def pictures(page):
    sources = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    return [Image.open(BytesIO(base64.b64decode(one.partition(",")[2]))) for one in sources]


def test_the_numbers_are_those_of_python(demo_run, demo_page):
    text, page = demo_page
    results = tau3mu.open(demo_run)["dsphipi"]
    for step in results.cutflow.details["demo"]:
        row = [step["name"], f"{step['events']:,}", f"{step['candidates']:,}"]
        assert any(found[:3] == row for found in page.rows), row
    for name in results.histograms:
        total = results.histogram(name).sum(flow=True).value
        label = results.histogram(name).axes[0].label
        assert [name, label, "demo", f"{total:,.0f}", "0"] in page.rows
    for name, count in results.counters["demo"].items():
        assert name in page.texts
        assert f"{count:,}" in page.texts
    assert f"python -m tau3mu.train reproduce {demo_run}" in page.texts
    assert len(pictures(page)) == 1 + len(results.histograms)
    assert len(text) < 1_000_000


def test_pictures_show_something(demo_page):
    _, page = demo_page
    for picture in pictures(page):
        shades = np.asarray(picture.convert("L"))
        assert picture.size[0] >= 600
        assert 0.005 < np.mean(shades < 200) < 0.5


def test_the_policy_of_the_file_allows_its_own_style_and_pictures_alone(demo_page):
    text, page = demo_page
    policy = next(v for t, n, v in page.attributes if n == "content" and "default-src" in v)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert set(policy.split("; ")) == {
        "default-src 'none'", "img-src data:", f"style-src 'sha256-{digest}'", "base-uri 'none'",
        "form-action 'none'",
    }  # fmt: skip
    assert "url(" not in style
    assert "@import" not in style


def test_names_that_are_meant_to_do_harm_are_text(hostile, tmp_path):
    text, page = exported(hostile, tmp_path)
    assert "<img src=x" not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") > 20
    for name in (HOSTILE, LONG, RIGHT_TO_LEFT):
        assert name in page.texts
    assert "57 events in 2 files" in " ".join(page.text.split())
    assert ["mc", LONG, "50", f"{HOSTILE}; torn"] in page.rows
    assert page.text.index("Missing:") < page.text.index("Failed processors")
    assert page.text.index("Failed processors") < page.text.index("Datasets")
    assert [HOSTILE, "1,234,567", "7,654,321", "1,234,567", "100.00", "100.00"] in page.rows
    assert "NOT VALID" in page.texts


def test_an_incomplete_run_says_so(demo_run, tmp_path):
    folder = tmp_path / "incomplete"
    folder.mkdir()
    manifest = json.loads((demo_run / "run.json").read_text())
    manifest |= {"status": "incomplete", "complete": False, "exit_code": 2}
    missing = [{"dataset": "demo", "path": f"{n}.root", "events": None} for n in range(70)]
    (folder / "run.json").write_text(json.dumps({**manifest, "missing": missing}))
    _, page = exported(folder, tmp_path)
    assert "NO RESULTS" in page.texts
    assert "70 files" in " ".join(page.text.split())
    assert "20 more" in page.text
    assert not pictures(page)


def test_a_damaged_processor_leaves_the_others(small_run, tmp_path):
    folder = small_run
    (folder / "dsphipi" / "cutflow.json").write_text("{")
    (folder / "dsphipi" / "mass_fit.png").write_bytes(b"no picture")
    (folder / "dsphipi" / "fit.json").write_text('{"parameters": {}, "valid": false}')
    _, page = exported(folder, tmp_path)
    assert f"{folder / 'dsphipi' / 'cutflow.json'}" in page.text
    assert len(pictures(page)) == 1
    assert "mass_fit.png" in page.texts


def test_a_fit_is_shown_with_its_numbers_and_plots(small_run, tmp_path):
    folder = small_run
    parameter = {"value": 1.25, "error": 0.5, "limits": [0, 3], "at_limit": False, "fixed": False}
    fit = {
        "model": HOSTILE, "valid": True, "status": "ok", "messages": [HOSTILE], "chi2": 12.34,
        "ndf": 5, "p_value": 0.25, "nll": 1.0, "edm": 0.0,
        "parameters": {HOSTILE: parameter, "n": {**parameter, "error": None, "fixed": True}},
        "derived": {"sum": {"value": 7.0, "error": None}},
    }  # fmt: skip
    (folder / "dsphipi" / "fit.json").write_text(json.dumps(fit))
    Image.new("RGB", (1500, 900), "red").save(folder / "dsphipi" / "mass_fit.png")
    _, page = exported(folder, tmp_path)
    assert [HOSTILE, "1.25 ± 0.50", "0", "3", ""] in page.rows
    assert ["n", "1.25 (fixed)", "0", "3", ""] in page.rows
    assert ["sum", "7", "", "", ""] in page.rows
    assert "12.3/5" in " ".join(page.text.split())
    assert (1000, 600) in [picture.size for picture in pictures(page)]


def test_many_pictures_are_left_out_with_a_word(demo_run, tmp_path, monkeypatch):
    monkeypatch.setattr("tau3mu.report.pictures.MOST_BYTES", 60_000)
    text, page = exported(demo_run, tmp_path)
    assert 1 < len(pictures(page)) < 7
    assert len(text) < 150_000
    assert page.text.count("left out") == 7 - len(pictures(page))


def test_nothing_is_replaced(demo_run, tmp_path):
    (tmp_path / "report.html").write_text("mine")
    with raises("report.file-exists", path="report.html"):
        export_result(demo_run, tmp_path / "report.html")
    with raises("report.file-exists", path="report.html"):
        export_comparison(compare(demo_run, demo_run), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == "mine"
    with raises("results.no-run", path="nothing"):
        export_result(tmp_path / "nothing", tmp_path / "new" / "report.html")
    assert not (tmp_path / "new").exists()


@pytest.fixture(scope="session")
def tight_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "tight"
    tau3mu.run("demo", tau3mu.DsPhiPi(flight_significance=3.0), no_fit=True, output=folder)
    return folder


def test_a_comparison_shows_what_differs(demo_run, tight_run, tmp_path, monkeypatch):
    monkeypatch.setattr("tau3mu.report.pictures.MOST_BYTES", 50_000)
    comparison = compare(demo_run, tight_run)
    export_comparison(comparison, tmp_path / "deep" / "report.html")
    page = page_of((tmp_path / "deep" / "report.html").read_text())
    page.check_harmless()
    for section in comparison.sections():
        for row in section.rows[: section.most]:
            assert list(row) in page.rows
    assert "DIFFERENT" in page.texts
    assert str(tight_run) in page.texts
    different = [one for one in comparison.histograms if not one.same]
    assert 0 < len(pictures(page)) < len(different)
    assert page.text.count("left out") == len(different) - len(pictures(page))


def test_the_same_results_have_no_pictures(demo_run, tmp_path):
    export_comparison(compare(demo_run, demo_run), tmp_path / "report.html")
    page = page_of((tmp_path / "report.html").read_text())
    assert "SAME" in page.texts
    assert not pictures(page)
