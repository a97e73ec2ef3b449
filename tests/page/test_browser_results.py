"""Results in the browser: the numbers of Python, two trains compared, and reports in one file."""

from __future__ import annotations

import subprocess
import sys

import pytest
from making import HOSTILE
from serving import Tab, violations, watch

from tau3mu.run import open_run

expect = pytest.importorskip("playwright.sync_api", reason="pip install '.[browser]'").expect

pytestmark = pytest.mark.integration

HISTOGRAM = "histogram?folder=trains/0003/results"
COMPARE = "compare?a=trains/0002/results&b=trains/0003/results"


@pytest.fixture(scope="module")
def run(made):
    return open_run(made.store.train(3) / "results")


def of_python(histogram):
    """The entries of each dataset and variation."""
    has_variations = "variation" in histogram.axes.name
    found = {}
    for dataset in histogram.axes["dataset"]:
        part = histogram[{"dataset": dataset}]
        for variation in part.axes["variation"] if has_variations else ("nominal",):
            one = part[{"variation": variation}] if has_variations else part
            total = one.sum(flow=True)
            found[dataset, variation] = float(getattr(total, "value", total))
    return found


@pytest.mark.parametrize(
    ("processor", "name"), [("dsphipi", "mass"), ("dsphipi_tight", "eta"), ("dimuons", "mass")]
)
def test_entries_are_those_of_python(tab, run, processor, name):
    page = tab.go(f"{HISTOGRAM}&processor={processor}&name={name}")
    found = {}
    for row in page.locator(".entries-table tbody tr").all():
        dataset = row.locator("label bdi").first.inner_text()
        found[dataset, row.locator("td bdi").inner_text()] = row.locator("data")
    shown = {key: float(data.get_attribute("value")) for key, data in found.items()}
    expected = {key: value for key, value in of_python(run[processor].histograms[name]).items()
                if value or key[1] == "nominal"}  # fmt: skip
    assert {key: value for key, value in shown.items() if value or key[1] == "nominal"} == (
        pytest.approx(expected, rel=1e-9)
    )
    legend = page.locator("#legend li")
    expect(legend.first).to_be_visible()
    drawn = [line.inner_text().strip() for line in legend.all()]
    nominal = {key[0]: value for key, value in expected.items() if key[1] == "nominal"}
    assert len(drawn) == len(nominal)
    for line, (dataset, value) in zip(drawn, nominal.items(), strict=True):
        assert line.startswith(dataset)
        assert float(line.rpartition("=")[2].replace(",", "")) == pytest.approx(value, rel=1e-3)
    assert page.locator("#plots svg").count() >= 1


def test_a_histogram_with_a_name_that_is_code(tab, made):
    page = tab.go("result?folder=trains/0005/results")
    page.get_by_role("link", name=HOSTILE).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.locator("#plots svg").first).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert violations(page) == []


def test_a_histogram_is_changed_by_keyboard(tab):
    page = tab.go(f"{HISTOGRAM}&processor=dsphipi&name=mass")
    plot = page.locator("#plots svg").first
    expect(plot).to_be_visible()
    before = plot.inner_html()
    page.get_by_label("Logarithmic scale").focus()
    page.keyboard.press("Space")
    page.wait_for_function(
        "before => document.querySelector('#plots svg').innerHTML !== before", arg=before
    )
    linear = page.locator("#plots svg").first.inner_html()
    page.get_by_role("button", name="Zoom in").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "before => document.querySelector('#plots svg').innerHTML !== before", arg=linear
    )


def test_candidates_are_those_of_python(tab, run):
    page = tab.go("candidates?folder=trains/0003/results&processor=dsphipi")
    candidates = run["dsphipi"].candidates
    expect(page.locator("main")).to_contain_text(f"{len(candidates):,}")
    page.get_by_role("link", name="mass", exact=True).click()
    page.locator("meta[http-equiv=refresh]").wait_for(state="detached")
    headers = [head.inner_text().split()[0] for head in page.locator("thead th").all()]
    cells = page.locator(f"tbody tr td:nth-child({headers.index('mass') + 1}) data")
    shown = [float(cell.get_attribute("value")) for cell in cells.all()]
    assert shown == sorted(candidates["mass"].to_list())[: len(shown)]
    assert len(shown) > 10


def test_two_trains_are_compared(tab, run, made):
    page = tab.go(COMPARE)
    other = open_run(made.store.train(2) / "results")
    assert len(other["dsphipi"].candidates) != len(run["dsphipi"].candidates)
    text = page.inner_text("main")
    assert "DIFFERENT" in text
    assert "fraction" in text
    page.get_by_role("link", name="ratio of mass").first.click()
    expect(page.locator("#plots svg").first).to_be_visible()
    assert violations(page) == []
    same = tab.go("compare?a=trains/0003/results&b=trains/0003/results").inner_text("main")
    assert "SAME" in same


@pytest.mark.parametrize(
    "path", [pytest.param("result?folder=trains/0005/results", marks=pytest.mark.soak), COMPARE]
)
def test_an_export_needs_nothing_else(tab, browser, tmp_path, path):
    page = tab.go(path)
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("link", name="Export").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    _check_report(browser, file)


def _check_report(browser, file):
    context = browser.new_context(color_scheme="dark")
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    tab = Tab(context.new_page(), "file://")
    watch(tab, context)
    tab.page.goto(f"file://{file}")
    assert [url for url in asked if not url.startswith("data:")] == [f"file://{file}"]
    assert tab.page.locator("h1").count() == 1
    assert tab.page.locator("img[src=x]").count() == 0
    assert tab.page.evaluate("window.hacked") is None
    assert violations(tab.page) == []
    pictures = tab.page.locator("img").all()
    assert all(one.evaluate("image => image.naturalWidth > 100") for one in pictures)
    assert len(pictures) >= 1
    context.close()
    tab.check()


def test_a_results_folder_without_a_store(tabs, servers, made, tmp_path, browser):
    folder = made.store.train(3) / "results"
    server = servers(["-m", "tau3mu.show", str(folder)], tmp_path)
    tab = tabs(server)
    page = tab.go()
    page.get_by_role("link", name="mass", exact=True).first.click()
    expect(page.locator("#plots svg").first).to_be_visible()
    assert violations(page) == []
    file = tmp_path / "report.html"
    small = made.store.train(5) / "results"  # pictures take their time
    command = [sys.executable, "-m", "tau3mu.show", str(small), "--export", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    _check_report(browser, file)
    assert list(tmp_path.iterdir()) == [file]
