"""`tau3mu plot` draws what a folder holds, and `use_style` gives other plots the same looks."""

from __future__ import annotations

import json
import shutil

import matplotlib as mpl
import pytest
from matplotlib.image import imread

import tau3mu
from tau3mu.plot import main
from tau3mu.plotting import histogram_figure, use_style
from tau3mu.processors import DsPhiPi


@pytest.fixture
def shown(capsys):
    def run(*arguments):
        code = main([str(one) for one in arguments])
        out, error = capsys.readouterr()
        return code, out.splitlines(), error

    return run


def test_pictures_are_drawn_into_another_folder(demo_run, tmp_path, shown):
    code, lines, _ = shown(
        demo_run, "mass", "dsphipi/cutflow", "--format", "pdf,png", "--label", "Preliminary",
        "--output", tmp_path / "plots",
    )  # fmt: skip
    assert code == 0
    place = tmp_path / "plots" / "dsphipi"
    files = [f"{place / name}.{form}" for name in ("mass", "cutflow") for form in ("pdf", "png")]
    assert lines == files
    assert (place / "mass.pdf").read_bytes().startswith(b"%PDF")
    assert imread(place / "mass.png").shape[:2] == (1500, 1500)
    assert not (demo_run / "dsphipi" / "plots").exists()


def test_options_reach_the_picture(demo_run, tmp_path, shown, monkeypatch):
    figures = []
    monkeypatch.setattr(
        "tau3mu.plotting.drawing.save", lambda figure, *_, **__: figures.append(figure)
    )
    for words in (["--log"], ["--style", "plain"], ["--style", "ALICE"], ["--label", "Test"]):
        assert shown(demo_run, "pt", *words)[0] == 0
    texts = [{text.get_text() for text in figure.axes[0].texts} for figure in figures]
    assert [figure.axes[0].get_yscale() for figure in figures] == [
        "log",
        "linear",
        "linear",
        "linear",
    ]
    assert [{"CMS", "ALICE"} & found for found in texts] == [{"CMS"}, set(), {"ALICE"}, {"CMS"}]
    assert ["Private work" in found for found in texts] == [True, False, True, False]
    assert "Test" in texts[-1]


def test_without_names_all_are_drawn_in_their_own_places(demo_run, tmp_path, shown):
    folder = tmp_path / "results"
    shutil.copytree(demo_run, folder)
    assert shown(folder)[0] == 0
    names = {"cutflow", *tau3mu.open(folder)["dsphipi"].histograms}
    assert {path.stem for path in (folder / "dsphipi" / "plots").iterdir()} == names


def test_what_is_not_there_is_an_error(demo_run, tmp_path, shown):
    code, lines, error = shown(demo_run, "mas")
    assert (code, lines) == (1, [])
    assert "mass" in error
    assert shown(tmp_path)[0] == 1
    assert shown(demo_run, "mass", "--ratio", "--output", tmp_path / "x")[0] == 1
    with pytest.raises(SystemExit):
        main([str(demo_run), "--format", "gif"])
    assert not (tmp_path / "x").exists()


def test_distributions_of_cuts_have_lines_at_their_values(tmp_path):
    tau3mu.run(
        "demo", DsPhiPi(phi_window=(1.01, 1.03)), no_fit=True, n_minus_one=True, max_files=1,
        output=tmp_path / "r",
    )  # fmt: skip
    expected = {
        "n_minus_one_phi": [1.01, 1.03], "cut_by_cut_phi": [1.01, 1.03], "n_minus_one_hlt": [],
        "n_minus_one_track_dz": [-20, 20], "n_minus_one_acceptance_mu1": [2.0, 3.5], "mass": [],
    }  # fmt: skip
    for name, values in expected.items():
        (axes,) = histogram_figure(tmp_path / "r", "dsphipi", name).axes
        found = [line.get_xdata()[0] for line in axes.lines if [*line.get_ydata()] == [0, 1]]
        assert found == values, name


def test_what_the_fit_of_a_run_blinds_is_not_drawn(demo_run, tmp_path):
    folder = tmp_path / "results"
    shutil.copytree(demo_run, folder)
    path = folder / "full_config.json"
    content = json.loads(path.read_text())
    document = {"input": {"histogram": "mass"}, "blind": [[1.93, 2.0]]}
    content["fits"] = {"dsphipi": {"document": document, "folder": None}}
    path.write_text(json.dumps(content))
    figures = tau3mu.open(folder)["dsphipi"].plot()
    (axes,) = figures["mass"].axes
    places = [x for line in axes.lines for x in line.get_xdata()]
    assert places
    assert not [x for x in places if 1.93 < x < 2.0]
    (axes,) = figures["pt"].axes
    assert "Blinded" not in [text.get_text() for text in axes.get_legend().get_texts()]


def test_one_call_gives_other_plots_the_same_looks():
    with mpl.rc_context():
        use_style()
        assert mpl.rcParams["font.family"][0] == "TeX Gyre Heros"
        assert mpl.rcParams["xtick.direction"] == "in"
        use_style("plain")
        assert mpl.rcParams["font.family"] == ["DejaVu Sans"]
