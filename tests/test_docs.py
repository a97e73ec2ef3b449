"""What the documentation shows is run: Python blocks as they are, command lines as arguments."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

import tau3mu
from tau3mu.run.options import parser

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r'^```(\w+)(?: title="?([^"\s]+)"?)?\n(.*?)^```', re.MULTILINE | re.DOTALL)


def blocks(page, language):
    return [match for match in BLOCK.finditer(page.read_text()) if match[1] == language]


def follow(page, folder, monkeypatch):
    """Goes to a new folder with the files that a page shows, from which its programs import."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    for match in BLOCK.finditer(page.read_text()):
        if match[2]:
            monkeypatch.delitem(sys.modules, Path(match[2]).stem, raising=False)
            Path(match[2]).write_text(match[3])


WITH_PYTHON = [
    page
    for page in PAGES
    if any(not match[2] for match in blocks(page, "python"))
    # Their programs follow their commands, in tests of their own.
    and page.stem not in {"tutorial-trains", "tutorial-search"}
]


LONG = {"datasets", "derived-data", "own-fit", "systematics", "test-wagons"}


def _marked(page):
    """Returns the page of a test, with the marker of those that start clusters or take long."""
    long = "connect(" in page.read_text() or page.stem in LONG
    return pytest.param(page, marks=pytest.mark.integration) if long else page


@pytest.mark.parametrize("page", [*map(_marked, WITH_PYTHON)], ids=lambda page: page.stem)
def test_python_blocks_run_in_order(page, tmp_path, monkeypatch):
    follow(page, tmp_path, monkeypatch)
    program = "\n\n".join(match[3] for match in blocks(page, "python") if not match[2])
    script = tmp_path / "page.py"
    script.write_text(program)
    namespace = runpy.run_path(str(script), run_name="__main__")
    assert any(not name.startswith("__") for name in namespace)


COMMANDS = [
    (page, line)
    for page in PAGES
    for match in blocks(page, "console")
    for line in match[3].replace("\\\n", " ").splitlines()
    if "python -m tau3mu.run" in line and "[FILES" not in line
]


@pytest.mark.parametrize(
    ("page", "line"), COMMANDS, ids=[f"{page.stem}-{i}" for i, (page, _) in enumerate(COMMANDS)]
)
def test_command_lines_have_only_options_that_exist(page, line):
    _, _, arguments = line.partition("python -m tau3mu.run")
    options = parser().parse_args(shlex.split(arguments))
    assert options.executor in {None, "iterative", "futures", "dask"}


@pytest.mark.integration
def test_the_tutorial_can_be_followed_on_the_command_line(tmp_path, monkeypatch, capsys):
    """Without the fits of runs, which others test, and without Dask."""
    page = ROOT / "docs" / "tutorial.md"
    follow(page, tmp_path, monkeypatch)
    text = "".join(match[3] for match in blocks(page, "console")).replace("\\\n", " ")
    for line in text.splitlines():
        program, arguments = line.partition(" -m tau3mu.")[2].partition(" ")[::2]
        if program and "dask" not in arguments:
            main = importlib.import_module(f"tau3mu.{program}.__main__").main
            without = ["--no-fit"] if program == "run" and "--no-fit" not in arguments else []
            assert main([*shlex.split(arguments), *without]) == 0, line
    assert Path("results/demo/report.html").stat().st_size > 50_000
    assert "**Cutflow of dsphipi, demo**" in capsys.readouterr().out
    fitted = tau3mu.FitResult.load("results/phi")
    assert fitted.valid
    assert fitted.parameters["nPhi"].value == pytest.approx(1407, abs=1)
    assert fitted.parameters["nPhi"].error == pytest.approx(41, abs=1)
    names = ("demo", "hard", "n_minus_one_again", "scan_with_fits", "both")
    runs = {name: tau3mu.open(Path("results", name)) for name in names}
    found = {name: len(results.candidates) for name, results in runs["scan_with_fits"].items()}
    assert found == {"dsphipi": 1480, "loose": 1525, "tight": 1379}
    assert [len(results.candidates) for results in runs["hard"].values()] == [5539, 2184]
    phi = runs["n_minus_one_again"]["dsphipi"].histogram("n_minus_one_phi")
    assert (phi[1.0j:1.04j].sum(flow=False).value, phi.sum(flow=False).value) == (1740, 2433)
    assert set(runs["both"].datasets) == {"demo", "DsToPhiPi"}


def test_the_page_for_users_of_other_programs(tmp_path, monkeypatch, capsys):
    """What it shows of dq_fitter and Hyperloop; its Python is run as that of all pages."""
    from tau3mu.fit.__main__ import main as fit
    from tau3mu.train.__main__ import main as train

    page = ROOT / "docs" / "coming-from.md"
    follow(page, tmp_path, monkeypatch)
    lines = "".join(match[3] for match in blocks(page, "console")).splitlines()
    words = [shlex.split(line.partition(" -m ")[2]) for line in lines]
    (importing,) = [line[1:] for line in words if line[:2] == ["tau3mu.fit", "import"]]
    assert fit(importing) == 0
    (shown,) = [match[3] for match in blocks(page, "json") if not match[2]]
    assert Path("fits", "configFit.fit.json").read_text() == shown
    (checking,) = [line[1:] for line in words if line[:2] == ["tau3mu.train", "check"]]
    assert train(checking) == 0
    assert "dimuons_hard" in capsys.readouterr().out


@pytest.mark.integration
def test_the_tutorial_on_fits_can_be_followed(tmp_path, monkeypatch):
    from tau3mu.fit.__main__ import main
    from tau3mu.fit.output import load_fit_values

    page = ROOT / "docs" / "tutorial-fits.md"
    (variations,) = [match[3] for match in blocks(page, "json")]
    monkeypatch.chdir(tmp_path)
    Path("variations.json").write_text(variations)
    lines = [line for match in blocks(page, "console") for line in match[3].splitlines()]
    assert [shlex.split(line)[3] for line in lines] == [
        "generate", "jpsi_psi2s", "toys", "trials",
    ]  # fmt: skip
    for line in lines:
        assert main(shlex.split(line)[3:]) == 0, line
    fitted = load_fit_values(Path("jpsi"))
    toys = json.loads(Path("jpsi-toys", "toys.json").read_text())
    assert toys["toys"] - toys["failed"] > 190
    jpsi = toys["summary"]["sig_Jpsi"]
    assert jpsi["truth"] == pytest.approx(fitted["sig_Jpsi"])
    assert jpsi["pull_width"] == pytest.approx(1, abs=0.2)
    trials = json.loads(Path("jpsi-trials", "trials.json").read_text())
    assert trials["valid"] == trials["trials"] == 4
    assert Path("jpsi-trials", "trials_sig_Jpsi.png").stat().st_size > 10_000


@pytest.mark.integration
def test_the_tutorial_on_limits_can_be_followed(tmp_path, monkeypatch, capsys):
    from tau3mu.limits.__main__ import main

    page = ROOT / "docs" / "tutorial-limits.md"
    follow(page, tmp_path, monkeypatch)
    file = Path("search.yaml")
    lines = [line for match in blocks(page, "console") for line in match[3].splitlines()]
    for line in lines:
        assert main(shlex.split(line.partition("tau3mu.limits ")[2])) == 0, line
        shown = capsys.readouterr().out
        if " check " in line:
            assert "limits.year-mismatch" in shown
            file.write_text(file.read_text().replace("trigger_2017", "trigger_2018"))
    blind, unblinded = (
        json.loads(Path(folder, "limits.json").read_text()) for folder in ("limits", "unblinded")
    )
    assert blind["expected"]["0"] == pytest.approx(1.57, abs=0.005)
    assert [blind["expected"][n] for n in ("-1", "1")] == pytest.approx([1.05, 2.41], abs=0.006)
    error = blind["toys"]["errors"]["0"] / blind["toys"]["expected"]["0"]
    assert error == pytest.approx(0.2, abs=0.05)
    assert unblinded["expected"]["0"] == pytest.approx(1.54, abs=0.005)
    assert unblinded["observed"] == pytest.approx(1.22, abs=0.005)
    assert len(Path("search.unblinded.jsonl").read_text().splitlines()) == 1
    diagnostics = json.loads(Path("diagnostics", "diagnostics.json").read_text())
    assert diagnostics["impacts"]["nuisances"][0]["name"] == "trigger_2018"


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_the_tutorial_on_the_search_can_be_followed(tmp_path, monkeypatch, capsys):
    page = ROOT / "docs" / "tutorial-search.md"
    follow(page, tmp_path, monkeypatch)
    for match in BLOCK.finditer(page.read_text()):
        if match[1] == "console":
            for line in match[3].splitlines():
                program, _, arguments = line.partition(" -m tau3mu.")[2].partition(" ")
                main = importlib.import_module(f"tau3mu.{program}.__main__").main
                assert main(shlex.split(arguments)) == 0, line
    assert "Expected limit at 90 % CL" in capsys.readouterr().out
    script = tmp_path / "page.py"
    script.write_text("\n\n".join(match[3] for match in blocks(page, "python")))
    opened = runpy.run_path(str(script))["opened"]
    assert opened.expected[-2] < opened.observed < opened.expected[2]
    scores = Path("search/training/plots/scores.png")
    assert scores.stat().st_size > 10_000
    assert Path("search/unblinded/limit/limits.json").exists()


def anchors(page):
    """Returns the anchors of a page, as GitHub and the site make them of its headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        if not target.startswith("http"):
            linked = page.parent / target if target else page
            assert linked.exists(), target
            assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


def test_pages_that_the_source_and_notebooks_name_exist():
    files = [*(ROOT / "src").rglob("*.py"), *ROOT.glob("processors/*.py")]
    named = {page for file in files for page in re.findall(r"docs/[\w/-]+\.md", file.read_text())}
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        named |= set(re.findall(r"\]\(\.\./(docs/[^)#]+)", notebook.read_text()))
    assert len(named) > 3
    assert [page for page in sorted(named) if not (ROOT / page).exists()] == []


def test_tests_that_pages_name_exist():
    """A renamed test would leave a promise without its proof."""
    page = ROOT / "docs" / "reliability.md"
    named = re.findall(r"\[(\w+\.py)::(\w+)\]\(([^)]+)\)", page.read_text())
    assert len(named) > 200
    for file, name, target in named:
        path = page.parent / target
        assert path.name == file, target
        assert re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE), f"{target}::{name}"


def test_the_processor_of_the_guide_finds_pairs_of_muons(tmp_path):
    """The guide's own processor, run for real, against a loop over the events."""
    import math
    from importlib.resources import files

    import numpy as np
    import uproot

    from tau3mu.datasets import check_files, load_datasets, make_chunks
    from tau3mu.execution import execute
    from tau3mu.processing import load_processors

    def vector(muon):
        pt, eta, phi, energy, _ = muon
        return energy, pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)

    page = ROOT / "docs" / "how-to" / "own-processor.md"
    code, lowest = (match[3] for match in blocks(page, "python") if match[2])
    (tmp_path / "dimuons.py").write_text(code)
    (tmp_path / "lowest.py").write_text(lowest)
    name = f"{tmp_path / 'dimuons.py'}:Dimuons"
    processors = load_processors([name], variants=["hard:min_pt=6"])
    datasets = load_datasets("demo")
    chunks = make_chunks(check_files(datasets, processors[0].columns), datasets, 4000)
    result = execute(chunks, processors)

    both = load_processors([f"{tmp_path / 'lowest.py'}:Lowest", "dsphipi"])
    columns = frozenset().union(*(one.columns for one in both))
    found = execute(make_chunks(check_files(datasets, columns), datasets, 4000), both).processors
    assert found["Lowest"].candidates.event.tolist() == found["dsphipi"].candidates.event.tolist()
    demo = sorted((Path(str(files("tau3mu.data"))) / "demo").glob("*.root"))
    names = ["MuonPt", "MuonEta", "MuonPhi", "MuonEnergy", "MuonCharge"]
    events = [
        [list(zip(*(event[name] for name in names), strict=True)), event["evt"]]
        for file in demo
        for event in uproot.open(file)["Tree3Mu/ntuple"].arrays([*names, "evt"]).tolist()
    ]
    for processor, min_pt in ((processors[0], 4), (processors[1], 6)):
        expected, with_muon, with_pair, n_muons = [], 0, 0, 0
        for muons, number in events:
            hard = [muon for muon in muons if muon[0] > min_pt]
            n_muons, with_muon = n_muons + len(hard), with_muon + bool(hard)
            pairs = [(a, b) for i, a in enumerate(hard) for b in hard[i + 1 :] if a[4] * b[4] < 0]
            with_pair += bool(pairs)
            for a, b in pairs:
                e, x, y, z = (sum(parts) for parts in zip(*map(vector, (a, b)), strict=True))
                square = e**2 - x**2 - y**2 - z**2
                expected.append((number, square, math.hypot(x, y), e))
        found = result.processors[processor.name]
        steps = [(step["events"], step["candidates"]) for step in found.cutflow["demo"]]
        assert steps == [(12000, 12000), (with_muon, n_muons), (with_pair, len(expected))]
        assert len(expected) > 1000
        rows = found.candidates
        assert rows.event.tolist() == [row[0] for row in expected]
        assert rows.pt.tolist() == pytest.approx([row[2] for row in expected], rel=1e-4)
        # Momenta have 24 bits, so a small mass is the difference of large squares.
        square, energy = np.array([row[1::2] for row in expected]).T
        assert (abs(rows.mass**2 - square) < 2e-6 * energy**2).tolist() == [True] * len(expected)
        counts, _ = np.histogram(rows.mass, 100, (0, 5))
        assert found.histograms["mass"]["demo", :].values().tolist() == counts.tolist()
