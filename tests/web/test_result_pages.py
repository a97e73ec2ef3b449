"""The pages of results: what they say equals what Python says."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from io import StringIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import awkward as ak
import numpy as np
import pytest
import uproot
from hostile_names import HOSTILE, LONG
from html_checks import Page, page_of
from result_folders import make_results
from starlette.testclient import TestClient

import tau3mu
from tau3mu.compare import compare
from tau3mu.errors import InputError
from tau3mu.outputs.candidates import load_candidates, write_candidates
from tau3mu.outputs.histograms import load_histograms, variations, write_histograms
from tau3mu.web.application import application
from tau3mu.web.blinding import hidden_bins, without_bins
from tau3mu.web.candidate_rows import candidates_page
from tau3mu.web.drawing import Chosen, chosen_png
from tau3mu.web.results import _size
from tau3mu.web.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PNG = b"\x89PNG\r\n"
MASS = "histogram?folder=demo&processor=dsphipi&name=mass"
BOTH = "histogram?folder=demo&b=7&processor=dsphipi&name=mass"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with several results."""
    folder = tmp_path_factory.mktemp("shown")
    make_results(folder)
    return folder


@pytest.fixture(scope="module")
def web(root: Path) -> Iterator[TestClient]:
    """Asks a server of it."""
    with TestClient(application(Site(root, "results"))) as one:
        yield one


def shown(web: TestClient, address: str, status: int = 200) -> Page:
    """Returns a page, which is whole and holds nothing that others have put there."""
    answer = web.get(address)
    assert answer.status_code == status, answer.text
    page = page_of(answer.text)
    assert [tag for tag in page.tags if tag == "h1"] == ["h1"]
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name != "style", tag
        assert (name, value) != ("src", "x")
    assert page.tags.count("script") == answer.text.count("<script ")
    return page


def numbers(page: Page) -> list[float]:
    """Returns the exact numbers of a page, in their order."""
    return [float(v) for tag, name, v in page.attributes if (tag, name) == ("data", "value")]


def values(page: Page, tag: str, name: str) -> list[str]:
    """Returns an attribute of all elements of a kind."""
    return [v for t, n, v in page.attributes if (t, n) == (tag, name)]


def plot_data(web: TestClient, address: str) -> dict[str, Any]:
    """Returns what the script of a page gets."""
    text = web.get(address).text
    found = re.search(r'<script type="application/json" id="plot-data">(.*?)</script>', text)
    assert found
    content: dict[str, Any] = json.loads(found[1])
    return content


def test_list_of_results(web: TestClient) -> None:
    page = shown(web, "result")
    links = [one for one in values(page, "a", "href") if "result?" in one]
    assert sorted(urlsplit(one).query for one in links) == [
        "folder=demo", "folder=hostile", "folder=trains%2F0007%2Fresults",
    ]  # fmt: skip


def test_result_equals_python(web: TestClient, root: Path) -> None:
    page = shown(web, "result?folder=demo")
    steps = tau3mu.open(root / "demo").cutflow["dsphipi"]["demo"]
    rows = {row[0].strip(): row[1:3] for row in page.rows if len(row) == 6}
    for step in steps:
        assert rows[step["name"]] == [f"{step['events']:,}", f"{step['candidates']:,}"]
    names = load_histograms(root / "demo/dsphipi")
    for name in names:
        assert any(f"name={name}" in one for one in values(page, "a", "href")), name


@pytest.mark.parametrize("given", ["7", "trains/0007", "trains/0007/results"])
def test_result_of_a_train(web: TestClient, root: Path, given: str) -> None:
    page = shown(web, f"result?folder={given}")
    last = tau3mu.open(root / "trains/0007/results").cutflow["dsphipi"]["demo"][-1]
    rows = {row[0].strip(): row[1] for row in page.rows if len(row) == 6}
    assert rows[last["name"]] == f"{last['events']:,}"


def test_files_of_a_result_are_there(web: TestClient, root: Path) -> None:
    page = shown(web, "result?folder=demo")
    links = [one for one in values(page, "a", "href") if "/file/" in one]
    written = [path for path in root.glob("demo/**/*") if path.is_file()
               and not path.name.startswith(".")]  # fmt: skip
    assert len(links) == len(written)
    for link in links:
        answer = web.get(link)
        path = root / urlsplit(str(answer.url)).path.partition("file/")[2]
        assert answer.content == path.read_bytes()


def test_missing_result_is_a_page(web: TestClient, root: Path) -> None:
    for address in ("result?folder=gone", "result?folder=../x", "result?folder=trains"):
        page = shown(web, address, 404)
        assert "web.not-found" in page.text, address
    (root / "half").mkdir(exist_ok=True)
    (root / "half/run.json").write_text('{"version": 1, ')
    page = shown(web, "result?folder=half", 400)
    assert "half" in page.text
    (root / "half/run.json").unlink()


@pytest.mark.parametrize(
    ("folder", "processor", "name"),
    [
        ("demo", "dsphipi", "mass"),
        ("hostile", "first", LONG[:100]),
        ("hostile", "first", "plane"),
        ("hostile", "first", "space"),
    ],
)
def test_entries_equal_python(
    web: TestClient, root: Path, folder: str, processor: str, name: str
) -> None:
    address = f"histogram?folder={folder}&processor={processor}&name={name}"
    page = shown(web, address)
    stored = list(variations(load_histograms(root / folder / processor)[name]))
    sums = [float(np.sum(part.values(flow=True))) for _, _, part in stored]
    assert numbers(page) == pytest.approx(sums, rel=1e-14)
    assert len(page.rows) == 1 + len(stored)
    if name == "space":
        assert "script" not in page.tags
        return
    data = plot_data(web, address)
    assert [(one["dataset"], one["variation"]) for one in data["parts"]] == [
        one[:2] for one in stored
    ]
    with uproot.open(root / folder / processor / "histograms.root") as file:
        for one, total in zip(data["parts"], sums, strict=True):
            assert file[one["path"]].values(flow=True).sum() == pytest.approx(total)
    link = data["sides"][0]["file"]
    answer = web.get(link, headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, b"root")


def test_parts_are_chosen(web: TestClient) -> None:
    name = LONG[:100]
    address = f"histogram?folder=hostile&processor=first&name={name}"
    ids = [one["id"] for one in plot_data(web, address)["parts"]]
    whole = shown(web, address)
    checked = [n for t, n, v in whole.attributes if (t, n) == ("input", "checked")]
    assert len(checked) == 2  # both nominal ones
    asked = "".join(f"&part={quote(one)}" for one in ids[1:2])
    page = shown(web, f"{address}{asked}&log=1")
    checked = [n for t, n, v in page.attributes if (t, n) == ("input", "checked")]
    assert len(checked) == 2  # one part, and the scale
    pictures = []
    for one in (whole, page):
        (source,) = {link for link in values(one, "img", "src") if "chosen-figure" in link}
        answer = web.get(source)
        assert answer.content.startswith(PNG)
        pictures.append(answer.content)
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize(("name", "lower"), [("plane", "pull"), (LONG[:100], "ratio")])
def test_pictures_of_two_results(web: TestClient, name: str, lower: str) -> None:
    address = f"folder=hostile&b=hostile&processor=first&name={name}&lower={lower}&unit=1&log=1"
    assert web.get(f"chosen-figure?{address}").content.startswith(PNG)


@pytest.mark.parametrize(
    "query",
    [
        "kind=histogram&folder=demo&processor=dsphipi&name=mass",
        "kind=histogram&folder=hostile&processor=first&name=plane",
        "kind=cutflow&folder=hostile&processor=first",
        "kind=overlay&a=demo&b=7&processor=dsphipi&name=mass&lower=ratio",
    ],
)
def test_pictures(web: TestClient, query: str) -> None:
    answer = web.get(f"figure?{query}&v=1")
    assert answer.content.startswith(PNG)
    assert answer.headers["content-type"] == "image/png"
    assert "max-age" in answer.headers["cache-control"]


def test_unknown_pictures(web: TestClient) -> None:
    for query in (
        "kind=what&folder=demo",
        "kind=cutflow&folder=demo&processor=other",
        "kind=histogram&folder=demo&processor=..&name=mass",
        "kind=overlay&a=demo&b=gone&processor=dsphipi&name=mass",
    ):
        shown(web, f"figure?{query}", 404)
    shown(web, "histogram?folder=demo&processor=dsphipi&name=other", 404)


def test_nothing_out_of_the_root(web: TestClient, root: Path, tmp_path: Path) -> None:
    (tmp_path / "histograms.json").write_bytes((root / "demo/dsphipi/histograms.json").read_bytes())
    (tmp_path / "candidates.root").write_bytes((root / "demo/dsphipi/candidates.root").read_bytes())
    link = root / "demo/linked"
    link.symlink_to(tmp_path)
    try:
        shown(web, "histogram?folder=demo&processor=linked&name=mass", 404)
        shown(web, "candidates?folder=demo&processor=linked", 404)
        shown(web, "figure?kind=histogram&folder=demo&processor=linked&name=mass", 404)
        shown(web, "result?folder=demo", 404)
        shown(web, "compare?a=demo&b=7", 404)
        shown(web, "export?folder=demo", 404)
    finally:
        link.unlink()


def test_links_within_are_followed(web: TestClient, root: Path) -> None:
    link = root / "demo/other.png"
    link.symlink_to(root / "trains/0007/results/run.json")
    try:
        shown(web, "result?folder=demo", 200)
    finally:
        link.unlink()


def test_two_results_over_each_other(web: TestClient, root: Path) -> None:
    page = shown(web, BOTH)
    folders = [root / "demo/dsphipi", root / "trains/0007/results/dsphipi"]
    sums = [float(load_histograms(one)["mass"].values(flow=True).sum()) for one in folders]
    assert numbers(page) == sums
    data = plot_data(web, BOTH)
    assert [one["side"] for one in data["parts"]] == [0, 1]
    for side, folder in zip(data["sides"], folders, strict=True):
        assert web.get(side["file"]).content == (folder / "histograms.root").read_bytes()


def test_comparison_equals_python(web: TestClient, root: Path) -> None:
    found = compare(root / "demo", root / "trains/0007/results")
    page = shown(web, "compare?a=demo&b=7&wait=1")
    assert found.headline.partition(":")[2].strip() in page.text
    (first,) = found.cutflow
    assert any(first.step in row[2] and "dsphipi" in row[0] for row in page.rows if len(row) == 5)
    rows = {row[0].strip(): row for row in page.rows if len(row) == 6 and "ratio" in row[5]}
    assert set(rows) == {one.name for one in found.histograms}
    for one in found.histograms:
        assert rows[one.name][3] == f"{one.shown_differing:,} of {one.shown:,}"
        assert rows[one.name][4] == f"{one.sigma:.3g} σ"
    for link in values(page, "a", "href"):
        if "histogram?" in link:
            shown(web, link)
    changed = [row for row in page.rows if row and "flight_significance" in row[0]]
    assert ["2", "4"] in [row[1:3] for row in changed]


def test_comparison_is_made_while_one_waits(web: TestClient) -> None:
    web.app.state.worker._cache._known.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tau3mu.web.waiting._PATIENCE", 0.0)
        page = shown(web, "compare?a=demo&b=hostile", 202)
    (content,) = [one for one in values(page, "meta", "content") if "url=" in one]
    address = content.partition("url=")[2]
    assert "DIFFERENT" in shown(web, f"compare{address}").text
    assert "DIFFERENT" in shown(web, "compare?a=demo&b=hostile").text  # known by now


def test_form_of_a_comparison(web: TestClient) -> None:
    page = shown(web, "compare?a=demo")
    assert sorted(values(page, "option", "value")) == ["demo", "hostile", "trains/0007/results"]
    assert values(page, "input", "value") == ["demo", ""]
    shown(web, "compare?a=demo&b=gone", 404)
    page = shown(web, "compare?a=demo&b=trains&wait=1", 400)
    assert "results.no-run" in page.text
    assert values(page, "input", "value") == ["demo", "trains"]


def test_same_results(web: TestClient) -> None:
    assert "SAME" in shown(web, "compare?a=demo&b=demo&wait=1").text


def check_export(web: TestClient, query: str, name: str) -> None:
    """Checks a file to mail."""
    answer = web.get(f"export?{query}")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.html"'
    page_of(answer.text)


def test_export_of_a_comparison(web: TestClient) -> None:
    check_export(web, "a=hostile&b=hostile", "comparison")
    shown(web, "export?folder=gone", 404)


@pytest.mark.integration  # all of its pictures are drawn
def test_export_of_a_result(web: TestClient) -> None:
    check_export(web, "folder=hostile", "result")


@pytest.mark.parametrize("folder", ["demo", "7"])
@pytest.mark.parametrize(
    ("sort", "order"), [("", ""), ("mass", ""), ("mass", "desc"), ("event", "desc"), ("file", "")]
)
def test_candidates_equal_python(
    web: TestClient, root: Path, folder: str, sort: str, order: str
) -> None:
    path = root / ("demo" if folder == "demo" else "trains/0007/results")
    stored = load_candidates(path / "dsphipi")
    expected = stored.to_list()
    if sort:
        expected.sort(key=lambda row: row[sort], reverse=order == "desc")
    pages = -(-len(expected) // 100)
    found: list[dict[str, str]] = []
    address = f"folder={folder}&processor=dsphipi&sort={sort}&order={order}"
    for number in (1, 2, pages):
        text = web.get(f"candidates.csv?{address}&page={number}").text
        found = list(csv.DictReader(StringIO(text)))
        rows = expected[(number - 1) * 100 : number * 100]
        assert found == [{name: str(value) for name, value in row.items()} for row in rows]
        page = shown(web, f"candidates?{address}&page={number}&wait=1")
        assert len(page.rows) == 1 + len(rows)
        assert numbers(page) == [
            value for row in rows for value in row.values() if isinstance(value, float)
        ]
    sorted_by = "descending" if order else "ascending"
    assert values(page, "th", "aria-sort") == ([sorted_by] if sort else [])


def test_missing_and_hostile_candidates(web: TestClient) -> None:
    page = shown(web, "candidates?folder=hostile&processor=first&sort=mass&order=desc&wait=1")
    assert [row[1] for row in page.rows[1:]] == ["3", "2", "4", "1"]
    assert [row[2] for row in page.rows[1:]] == ["1.5", "1.25", "0.1", "missing"]
    assert page.rows[1][0] == HOSTILE


@pytest.mark.parametrize(
    "address",
    ["result?folder=", "compare?b=demo&a=", "candidates?folder=demo&processor=dsphipi&page="],
)
def test_a_number_that_is_too_long_to_be_one(web: TestClient, address: str) -> None:
    assert web.get(address + "9" * 5000).status_code in {400, 404}


def test_what_others_have_put_into_a_folder(root: Path, tmp_path: Path) -> None:
    """Names that lead elsewhere or are not UTF-8, and files that hold something else."""
    there = tmp_path / "there"
    shutil.copytree(root / "demo", there / "demo")
    shutil.copytree(root / "demo", there / os.fsdecode(b"\xff"))
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "name-of-others").write_text("x")
    run = json.loads((there / "demo" / "run.json").read_text())
    processors = run["configuration"]["processors"]
    for number, name in enumerate(("../../private", str(tmp_path / "private"), "..")):
        (there / str(number)).mkdir()
        run["configuration"]["processors"] = {name: processors["dsphipi"]}
        (there / str(number) / "run.json").write_text(json.dumps(run))
    with TestClient(application(Site(there, "results"))) as web:
        for number in range(3):
            answer = web.get(f"result?folder={number}")
            assert answer.status_code == 400
            assert "results.wrong-name" in answer.text
            assert "name-of-others" not in answer.text
        for address in ("results", "compare"):
            assert web.get(address).status_code == 200
        damaged = there / "demo" / "dsphipi"
        (damaged / "cutflow.json").write_text('{"a": [1], "b": {"c": null}}')
        assert web.get("figure?kind=cutflow&folder=demo&processor=dsphipi").status_code == 400
        answer = web.get("compare?a=demo&b=%EF%BF%BD&wait=1")  # its name cannot be asked for
        assert answer.status_code == 404
        shutil.copytree(root / "demo", there / "good")
        (damaged / "histograms.json").write_text('{"mass": {"axes": 3}}')
        assert "web.worker-error" not in web.get("compare?a=good&b=demo&wait=1").text


@pytest.mark.parametrize("error", [RecursionError, uproot.deserialization.DeserializationError])
def test_candidates_of_which_bytes_are_wrong(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """What uproot raises depends on the byte: these are two that were seen."""

    def refuse(*_: Any) -> None:
        raise error("x", None, {}, "y") if error is not RecursionError else error

    monkeypatch.setattr(uproot, "open", refuse)
    with pytest.raises(InputError) as caught:
        candidates_page(root / "demo" / "dsphipi" / "candidates.root", 1, 10)
    assert caught.value.code == "web.no-candidates"


def test_much_is_read_beside_the_server(root: Path) -> None:
    assert _size(root / "demo") == sum(
        (root / "demo" / "dsphipi" / name).stat().st_size
        for name in ("histograms.json", "cutflow.json", "counters.json", "yields.json")
    )


def test_pages_that_are_not_there(web: TestClient) -> None:
    for query in ("page=16", "page=0", "page=x", "page=-1", "sort=other"):
        shown(web, f"candidates?folder=demo&processor=dsphipi&wait=1&{query}", 400)
    shown(web, "candidates?folder=demo&processor=other", 404)
    shown(web, "candidates?folder=demo&processor=..", 404)


def test_changed_candidates(web: TestClient, root: Path) -> None:
    """A file that is written again is sorted again."""
    folder = root / "again"
    (folder / "p").mkdir(parents=True)
    (folder / "run.json").write_bytes((root / "hostile/run.json").read_bytes())
    address = "candidates.csv?folder=again&processor=p&sort=event"
    write_candidates(folder / "p", ak.Array({"event": [2, 1, 3]}), fmt="root")
    assert web.get(address).text.split() == ["event", "1", "2", "3"]
    write_candidates(folder / "p", ak.Array({"event": [5, 7, 4, 6]}), fmt="root")
    assert web.get(address).text.split() == ["event", "4", "5", "6", "7"]
    shutil.rmtree(folder)
    shown(web, address, 404)


@pytest.mark.parametrize("folder", ["hostile", "demo"])
def test_every_link_of_a_result_leads_somewhere(web: TestClient, folder: str) -> None:
    page = shown(web, f"result?folder={folder}")
    links = {link.partition("#")[0] for link in values(page, "a", "href")} - {""}
    for link in sorted(links):
        if "export?" not in link:
            assert web.get(link).status_code in {200, 202}, link


def test_large_results_are_read_by_the_worker(web: TestClient) -> None:
    addresses = [MASS, "result?folder=demo"]
    before = [shown(web, address).text for address in addresses]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tau3mu.web.waiting._LIGHT", 0)
        after = [shown(web, f"{address}&wait=1").text for address in addresses]
        shown(web, "histogram?folder=demo&processor=dsphipi&name=other&wait=1", 404)
    assert after == before


def test_two_folders_with_names(root: Path) -> None:
    """Two folders anywhere, as `show` has them."""
    folders = {"one": root / "demo", "two (B)": root / "trains/0007/results"}
    with TestClient(application(Site(folders, "two"))) as web:
        page = shown(web, "result")
        assert len([link for link in values(page, "a", "href") if "result?" in link]) == 2
        address = "histogram?folder=one&b=two (B)&processor=dsphipi&name=mass"
        assert len(numbers(shown(web, address))) == 2
        data = plot_data(web, address)
        for side, folder in zip(data["sides"], folders.values(), strict=True):
            stored = (folder / "dsphipi/histograms.root").read_bytes()
            assert web.get(side["file"]).content == stored
        shown(web, "result?folder=three", 404)


@pytest.fixture
def blind_run(root: Path) -> Iterator[str]:
    """Makes the fit of a copy of the demo blind between two edges of bins of the mass."""
    folder = root / "blind"
    shutil.copytree(root / "demo", folder)
    path = folder / "full_config.json"
    content = json.loads(path.read_text())
    document = {"input": {"histogram": "mass"}, "blind": [[1.93, 2.0]]}
    content["fits"] = {"dsphipi": {"document": document, "folder": None}}
    path.write_text(json.dumps(content))
    yield folder.name
    shutil.rmtree(folder)


def test_blinded_bins_are_not_drawn_by_the_page(
    web: TestClient, root: Path, blind_run: str
) -> None:
    place = root / blind_run / "dsphipi"
    (part,) = (p for _, v, p in variations(load_histograms(place)["mass"]) if v == "nominal")
    hidden = hidden_bins(place, "mass", "demo", part)
    edges = part.axes[0].edges
    slow = [low < 2.0 and high > 1.93 for low, high in pairwise(edges)]
    assert hidden.tolist() == slow
    assert 0 < sum(slow) < len(slow)
    left = without_bins(part, hidden).values()
    assert np.array_equal(left, np.where(slow, 0, part.values()))
    assert part.values()[slow].any()
    # The browser, which reads the file of the run, draws nothing of it.
    address = f"histogram?folder={blind_run}&processor=dsphipi&name=mass"
    assert "plot-data" not in web.get(address).text
    assert "plot-data" in web.get(address.replace("name=mass", "name=pt")).text
    assert "plot-data" not in web.get(f"{address}&b=demo").text
    assert "plot-data" not in web.get(f"histogram?folder=demo&b={blind_run}&processor=dsphipi"
                                      "&name=mass").text  # fmt: skip


@pytest.mark.parametrize("lower", ["", "ratio", "pull"])
def test_pictures_of_blinded_bins_do_not_depend_on_them(
    root: Path, blind_run: str, lower: Any
) -> None:
    a, b = root / blind_run / "dsphipi", root / "trains/0007/results/dsphipi"
    chosen = (Chosen(0, "demo", "nominal", "a"), Chosen(1, "demo", "nominal", "b", 0))

    def picture() -> bytes:
        return chosen_png(a, b, "mass", chosen, lower, log=False, unit=True)

    before = picture()
    histograms = load_histograms(a)
    variable = histograms["mass"].axes["mass"]
    bins = [i for i, (low, high) in enumerate(pairwise(variable.edges)) if low < 2 and high > 1.93]
    view = histograms["mass"].view()
    own = [1] * view.ndim
    own[histograms["mass"].axes.name.index("mass")] = -1
    inside = np.isin(np.arange(len(variable)), bins).reshape(own)
    view["value"] += 1000 * inside
    view["variance"] += 1000 * inside
    write_histograms(a, histograms)
    assert picture() == before
