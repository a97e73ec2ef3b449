"""What the documentation shows is run: Python blocks as they are, command lines as arguments."""

from __future__ import annotations

import json
import re
import runpy
import shlex
from pathlib import Path

import pytest

from tau3mu.run.options import parser

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page, language):
    return [match for match in BLOCK.finditer(page.read_text()) if match[1] == language]


WITH_PYTHON = [page for page in PAGES if any(not match[2] for match in blocks(page, "python"))]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_python_blocks_run_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_processor_of_the_guide_finds_pairs_of_muons(tmp_path):
    """The guide's own processor, run for real, against a loop over the events."""
    import itertools
    import math
    from importlib.resources import files

    import uproot

    from tau3mu.datasets import check_files, load_datasets, make_chunks
    from tau3mu.execution import execute
    from tau3mu.processing import load_processor

    page = ROOT / "docs" / "how-to" / "own-processor.md"
    (code,) = [match[3] for match in blocks(page, "python") if match[2]]
    (tmp_path / "dimuons.py").write_text(code)
    processor = load_processor(f"{tmp_path / 'dimuons.py'}:Dimuons")
    datasets = load_datasets("demo")
    chunks = make_chunks(check_files(datasets, processor.columns), datasets, 4000)
    found = execute(chunks, [processor]).processors["Dimuons"]
    demo = Path(str(files("tau3mu.data"))) / "demo" / "Tree_PhiPi_1.root"
    names = ["MuonPt", "MuonEta", "MuonPhi", "MuonEnergy"]
    arrays = uproot.open(demo)["Tree3Mu/ntuple"].arrays(names, entry_stop=300)
    masses = []
    for event in arrays.tolist():
        muons = sorted(zip(*(event[name] for name in names), strict=True), reverse=True)[:2]
        if len(muons) < 2:
            continue
        total = [0.0] * 4
        for pt, eta, phi, energy in muons:
            p = (energy, pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta))
            total = [a + b for a, b in zip(total, p, strict=True)]
        masses.append(math.sqrt(max(total[0] ** 2 - sum(x**2 for x in total[1:]), 0)))
    first = list(itertools.islice(found.candidates.mass.tolist(), len(masses)))
    # Momenta are floats, so the mass of a light pair is good to a few permille.
    assert first == pytest.approx(masses, rel=5e-3)
    assert len(masses) > 250
