"""The documentation as a site: whole, without a network, with every public name and page."""

from __future__ import annotations

import base64
import importlib
import json
import re
import shutil
import subprocess
import sys

import pytest

import api_pages
import built_pages
import command_tables
import notebook_pages

ROOT = api_pages.ROOT
DOCS = ROOT / "docs"


def test_every_public_name_is_on_a_page():
    pages = api_pages.pages()
    assert len(pages) > 25
    for package, names in api_pages.public_names().items():
        module = importlib.import_module(package)
        assert sorted(names) == sorted(module.__all__), package
        headings = re.findall(r'^(?:## |      heading: ")([^"\n]+)', pages[package], re.MULTILINE)
        assert headings == names, package


def test_the_api_describes_what_the_names_stand_for():
    """An address is that of the object itself; otherwise the page would describe another one."""
    checked = 0
    for package, names in api_pages.public_names().items():
        for name in names:
            if name == "__version__":  # which is not defined in the source
                continue
            where, _, what = api_pages.defined_in(package, name).rpartition(".")
            value = getattr(importlib.import_module(where), what)
            public = getattr(importlib.import_module(package), name)
            called = (
                getattr(public, "__dict__", {}).get("__called__") if package == "tau3mu" else ""
            )
            assert f"{where}:{what}" == called if called else value is public, (package, name)
            checked += 1
    assert checked > 150


def test_the_index_lists_every_page():
    """The table of contents of the site is made of the index."""
    index = (DOCS / "README.md").read_text()
    linked = {target for target in re.findall(r"\]\(([^)#]+)\)", index) if "://" not in target}
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} - {"README.md"}
    notebooks = {f"../notebooks/{one.name}" for one in (DOCS.parent / "notebooks").glob("*.ipynb")}
    assert linked - {"../README.md"} == pages | notebooks


@pytest.mark.parametrize("page", [*DOCS.rglob("*.md")], ids=lambda page: page.stem)
def test_pages_are_written_as_the_site_needs_it(page):
    """What belongs to an item of a list is indented by four spaces, and titles are quoted."""
    assert re.findall(r'^```\w+ title=[^"].*', page.read_text(), re.MULTILINE) == []
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"\n\n {1,3}\S.*", text) == []


def test_the_command_line_page_has_the_options_of_all_programs():
    """After a change of an option: `python docs/site/command_tables.py`."""
    page = command_tables.PAGE.read_text()
    assert command_tables.page_with_tables(page) == page
    parsers = command_tables.parsers()
    assert {"run", "fit toys", "train datasets", "benchmark compare", "show"} <= parsers.keys()
    assert len(parsers) > 25


def test_the_command_line_page_has_the_environment_variables():
    source = "".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    used = set(re.findall(r"\bTAU3MU_[A-Z_]+", source))
    assert used == set(
        re.findall(r"^\| `(TAU3MU_\w+)`", command_tables.PAGE.read_text(), re.MULTILINE)
    )


@pytest.mark.parametrize(
    ("model", "page"),
    [
        ("tau3mu.datasets.schema:Metadata", "reference/dataset-files.md"),
        ("tau3mu.clusters.site:Site", "how-to/clusters.md"),
        ("tau3mu.clusters.kinds:Tls", "how-to/clusters.md"),
        ("tau3mu.clusters.kinds:Workers", "how-to/clusters.md"),
        ("tau3mu.fit.studies.trials_file:TrialsFile", "how-to/systematics.md"),
    ],
)
def test_pages_have_every_key_of_files_without_a_schema(model, page):
    """The tables of fit files and train files are made of their schemas."""
    module, _, name = model.partition(":")
    keys = {
        field.alias or key
        for key, field in getattr(importlib.import_module(module), name).model_fields.items()
    }
    text = (DOCS / page).read_text()
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", text)] == []


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ('<script src="https://cdn.example.org/x.js"></script>', 1),
        ('<img src="//example.org/x.png">', 1),
        ('<link rel="stylesheet" href="https://fonts.example.org/css">', 1),
        ('<style>@import "https://example.org/x.css"; p {background: url(//a.b/c.png)}</style>', 2),
        ("<p>a line\n| a | b |\n|---|---|</p>", 2),
        ("<p>- see</p><p>```python title=x.py</p>", 1),
        ("<p>::: tau3mu.fit</p><p>[here](x.md)</p>", 2),
        ('<a href="https://example.org">out</a><code>```</code><img src="images/x.png">', 0),
        ('<link rel="canonical" href="https://example.org/x.html"><p>|Δm| &lt; 1</p>', 0),
    ],
)
def test_the_check_of_the_built_pages_finds(tmp_path, body, number):
    (tmp_path / "page.html").write_text(f"<html><body>{body}</body></html>")
    assert len(list(built_pages.problems(tmp_path))) == number


def test_notebooks_become_pages_with_their_pictures(tmp_path):
    outputs = [
        {"text": ["\x1b[31mred\x1b[0m\n", "blue\n"]},
        {"data": {"text/html": ["<b>bold</b>\n", "\n", "end"], "text/plain": ["bold"]}},
        {"data": {"image/png": base64.b64encode(b"a picture").decode(), "text/plain": ["figure"]}},
        {"data": {"text/plain": ["2"]}},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {"cell_type": "code", "source": ["1 + 1"], "outputs": outputs},
        {"cell_type": "code", "source": [], "outputs": []},
    ]
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": cells}))
    made = notebook_pages.pages(tmp_path / "book.ipynb")
    assert made["book-1.png"] == b"a picture"
    assert made["book.md"] == (
        "# Title\ntext\n\n```python\n1 + 1\n```\n\n```text\nred\nblue\n```\n\n"
        "<div><b>bold</b> end</div>\n\n![Output of the cell above](book-1.png)\n\n"
        "```text\n2\n```\n"
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built with warnings as errors, as `nox -s docs` does."""
    pytest.importorskip("mkdocstrings_handlers.python", reason="pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=api_pages.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.integration
def test_the_site_has_the_api_and_the_search_works_without_a_network(site):
    """The pages are opened as files, so that nothing can come from a server."""
    found = (site / "reference" / "api" / "tau3mu.html").read_text()
    assert 'id="tau3mu.run.front.run"' in found
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    api = pytest.importorskip("playwright.sync_api", reason="pip install '.[browser]'")
    if program is None:
        pytest.skip("there is no Chromium: install the package chromium of the system")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        requests = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto((site / "index.html").as_uri())
        page.get_by_placeholder("Search").fill("sWeights")
        result = page.locator(".md-search-result__link").first
        result.wait_for(state="visible")
        result.click()
        page.wait_for_url("**/*.html?h=*")
        assert "sWeights" in page.locator("article").inner_text()
        browser.close()
    assert len(requests) > 5
    assert [url for url in requests if not url.startswith(("file:", "blob:", "data:"))] == []
