"""All main pages as people see them: light, dark, on a phone, by keyboard, without scripts."""

from __future__ import annotations

import hashlib

import pytest
from crawling import client, crawl
from making import ARABIC, HOSTILE, SCRIPT
from serving import AXE, violations

pytestmark = pytest.mark.integration

PAGES = {
    "analyses": "",
    "trains": "trains",
    "no trains": "trains?q=nothing",
    "train": "trains/3",
    "lost train": "trains/1",
    "composed train": "trains/4",
    "hostile train": "trains/5",
    "search": "search?q=data",
    "tests": "tests/dsphipi",
    "test": "tests/dsphipi/1",
    "datasets": "datasets",
    "dataset": "datasets/simulation",
    "hostile dataset": "datasets/strange",
    "result": "result?folder=trains/0003/results",
    "hostile result": "result?folder=trains/0005/results",
    "histogram": "histogram?folder=trains/0003/results&processor=dsphipi&name=mass",
    "candidates": "candidates?folder=trains/0003/results&processor=dsphipi",
    "compare": "compare?a=trains/0002/results&b=trains/0003/results",
}
LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}},
}


@pytest.mark.parametrize("look", LOOKS)
def test_pages_are_accessible(tabs, server, look):
    tab = tabs(server, **LOOKS[look])
    rules = ("color-contrast",) if look == "dark" else ()  # all else is as it is in the light
    found = {name: faults_of(tab.go(path), *rules) for name, path in PAGES.items()}
    for text in ("Test all", "Run train"):
        page = tab.go()
        page.get_by_role("link", name=f"{text} of phi.json").or_(
            page.get_by_role("link", name=f"{text} wagons of phi.json")
        ).click()
        found[text] = faults_of(page, *rules)
    found["error"] = faults_of(tab.go("nothing", status=404), *rules)
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_axe_is_what_was_published():
    """Version 4.14.1 of axe-core, as the registry of npm has it."""
    found = hashlib.sha256(AXE.read_bytes()).hexdigest()
    assert found == "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


def test_pages_need_no_scripts(tabs, server):
    tab = tabs(server, java_script_enabled=False)
    for name, path in PAGES.items():
        page = tab.go(path)
        assert page.locator("h1").count() == 1, name
        assert len(page.locator("main").inner_text()) > 60, name
    page = tab.go(PAGES["histogram"])
    assert page.locator("noscript img").is_visible()
    rows = tab.go(PAGES["candidates"]).locator("main tbody tr")
    assert rows.count() == 100
    page.get_by_role("link", name="mass").first.click()
    page.locator("th[aria-sort=ascending]").wait_for()  # which the worker may make first


def faults_of(page, *rules):
    """What is wrong with a page for some people."""
    faults = violations(page, *rules)
    if page.locator("h1").count() != 1:
        faults.append("not one heading of the first level")
    width = page.evaluate("document.documentElement.scrollWidth")
    return faults + [f"{width} px wide"] * (width > page.viewport_size["width"])


def test_the_keyboard_reaches_everything(tab):
    for path in PAGES.values():
        page = tab.go(path)
        page.keyboard.press("Tab")
        skip = page.locator(":focus")
        assert skip.get_attribute("href") == "#main"
        assert skip.bounding_box()["x"] >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        first = page.locator(":focus")
        if first.count():
            assert page.locator("main").locator(":focus").count() == 1, path
        tab.go(path)
        assert page.evaluate(WALK) == [], path


# What has no visible focus, or is not in the order of the page, among all that can have the focus.
WALK = """
() => {
    const kinds = ["a[href]", "button", "input:not([type=hidden])", "select", "textarea", "summary",
        "[tabindex]"];
    const found = [];
    for (const element of document.querySelectorAll(kinds.join())) {
        if (element.tabIndex > 0) found.push("own order: " + element.outerHTML.slice(0, 200));
        if (element.tabIndex < 0 || element.disabled || !element.checkVisibility()) continue;
        element.focus({focusVisible: true});
        if (document.activeElement !== element) continue;
        const style = getComputedStyle(element);
        const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
        if (!outline && style.boxShadow === "none")
            found.push("no focus: " + element.outerHTML.slice(0, 200));
    }
    return found;
}
"""


def test_every_link_leads_somewhere(server):
    """Without a browser; all addresses are relative, and there is no code in any page."""
    found = crawl(client(server.url), server.home, most=200)
    assert len(found) > 50
    broken = {}
    for url, (answer, document) in found.items():
        links = [*document.links, *document.actions]
        absolute = [link for link in links if link.startswith(("/", "http", "java"))]
        twice = {name for name in document.ids if document.ids.count(name) > 1}
        strange = [source for source in document.pictures if source == "x"]
        status = [answer.status] if answer.status != 200 else []
        if faults := [*status, *absolute, *document.code, *twice, *strange]:
            broken[url] = faults
    assert broken == {}


def test_names_are_shown_as_text(tab):
    """Of datasets, files, trains, steps, histograms, columns and errors."""
    shown = {}
    for path in PAGES.values():
        page = tab.go(path)
        text = page.inner_text("main")
        shown[path] = (HOSTILE in text, ARABIC in text)
        assert ("window.hacked" in text) == (HOSTILE in text or SCRIPT in text), path
        assert page.locator("img[src=x]").count() == 0, path
        assert page.evaluate("window.hacked") is None, path
    for path in ("trains/5", "datasets/strange", "result?folder=trains/0005/results"):
        assert shown[path][0], path
