"""Pictures of a run are drawn by another process, whatever becomes of it."""

from __future__ import annotations

import os
import signal
import time

import pytest
from matplotlib.image import imread

import tau3mu
from tau3mu.plotting.artist import NO_PLOTS, Artist
from tau3mu.plotting.pictures import PLOTS, Picture, picture_name, pictures_of, stored_picture

STORED = "tau3mu.plotting.stored"


@pytest.fixture
def artist():
    made = Artist()
    yield made
    made.close()


def cutflow(name, processor="dsphipi", function=f"{STORED}:cutflow_figure"):
    return Picture(name, function, {"processor": processor})


def test_a_run_draws_each_histogram_and_the_cutflow(demo_run, tmp_path, monkeypatch):
    assert not (demo_run / "dsphipi" / PLOTS).exists()  # the variable of all tests is set
    monkeypatch.delenv(NO_PLOTS)
    run = tau3mu.run("demo", no_fit=True, output=tmp_path / "r")
    assert run.warnings == []
    names = {"cutflow", *run["dsphipi"].histograms}
    found = sorted((run.folder / "dsphipi" / PLOTS).iterdir())
    assert [path.name for path in found] == sorted(f"{name}.png" for name in names)
    for path in found:
        assert imread(path).std() > 0.05
    (again,) = [imread(stored_picture(run.folder / "dsphipi", "mass"))]
    assert again.shape[:2] == (800, 800)
    assert stored_picture(run.folder / "dsphipi", "none") is None
    # The page and its export show the same; its bytes are those of the file.
    from tau3mu.web.drawing import cutflow_png, histogram_png

    assert histogram_png(run.folder, "dsphipi", "pt") == (found[0].parent / "pt.png").read_bytes()
    assert cutflow_png(run.folder, "dsphipi").startswith(b"\x89PNG")


def test_a_run_can_be_asked_not_to_draw(tmp_path, monkeypatch):
    monkeypatch.delenv(NO_PLOTS)
    monkeypatch.setattr("tau3mu.run.analysis.Artist", None)  # cannot be called
    run = tau3mu.run("demo", no_fit=True, no_plots=True, max_files=1, output=tmp_path / "r")
    assert not (run.folder / "dsphipi" / PLOTS).exists()
    assert run.manifest.options["no_plots"] is True


@pytest.mark.integration
def test_a_picture_that_fails_is_named_and_the_others_are_drawn(artist, demo_run, tmp_path):
    (tmp_path / "dsphipi").symlink_to(demo_run / "dsphipi")
    (tmp_path / "run.json").symlink_to(demo_run / "run.json")
    asked = [
        cutflow("plots/one"),
        cutflow("plots/two", "nobody"),
        cutflow("plots/three", function="tau3mu.none:function"),
        cutflow("plots/four"),
        Picture("plots/five", f"{STORED}:histogram_figure", {"processor": "dsphipi"}),
        *(cutflow(f"plots/{number}") for number in range(3)),
    ]
    artist.draw(tmp_path, asked)
    problems = artist.finish(60)
    assert [text.partition(":")[0] for text in sorted(problems)] == [
        "picture plots/five", "picture plots/three", "picture plots/two",
    ]  # fmt: skip
    drawn = {path.name for path in (tmp_path / "plots").iterdir()}
    assert drawn == {f"{name}.png" for name in ("one", "four", "0", "1", "2")}


def test_the_end_of_the_process_is_a_problem_and_no_error(artist, demo_run):
    os.kill(artist._process.pid, signal.SIGKILL)
    artist._process.wait()
    artist.draw(demo_run, [cutflow("plots/x")])
    (problem,) = artist.finish(60)
    assert "1 of 1" in problem


def test_drawing_is_given_up_after_a_while(artist, demo_run):
    slow = Picture("plots/x", "time:sleep_for", {})
    artist._process.send_signal(signal.SIGSTOP)
    artist.draw(demo_run, [slow])
    start = time.monotonic()
    (problem,) = artist.finish(0.1)
    assert time.monotonic() - start < 30
    assert "1 of 1" in problem
    assert artist._process.returncode == -signal.SIGKILL


def test_an_artist_that_is_not_needed_is_ended(artist):
    artist.close()
    assert artist._process.returncode is not None


def test_all_cutflows_come_first_and_maps_of_two_variables_are_drawn(many_histograms):
    found = list(pictures_of({"one": many_histograms, "two": {}}))
    assert [picture.file for picture in found[:2]] == ["one/plots/cutflow", "two/plots/cutflow"]
    drawn = {picture.arguments["name"] for picture in found[2:]}
    variables = {name: one.ndim - 1 - ("variation" in one.axes.name)
                 for name, one in many_histograms.items()}  # fmt: skip
    assert drawn == {name for name, number in variables.items() if number in {1, 2}}


@pytest.mark.parametrize(
    "name",
    ["../x", "a/b", "/etc/passwd", "cutflow", "Cutflow", "stability", ".hidden", "x" * 500,
     "<img src=x>", "μ ⊕ π", "a\nb", "a\0b", "..", "%2F"],
)  # fmt: skip
def test_a_name_of_a_histogram_is_no_path(name, tmp_path):
    made = picture_name(name)
    (tmp_path / f"{made}.png").write_text("")
    assert len(list(tmp_path.iterdir())) == 1
    assert made.casefold() not in {"cutflow", "stability"}
    assert not made.startswith(".")


def test_names_of_files_are_those_of_histograms_and_never_the_same():
    plain = ["mass", "n_minus_one_phi", "m(μμ)"[:1], "pt-2", "a b"]
    assert [picture_name(name) for name in plain] == plain
    names = ["a/b", "a%2Fb", "cutflow", "_cutflow", "x" * 500, "x" * 501, *plain]
    assert len({picture_name(name) for name in names}) == len(names)
