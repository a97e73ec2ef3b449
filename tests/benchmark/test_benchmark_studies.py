"""Studies as JSON, their numbers, tables, plots and comparisons."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from statistics import median

import matplotlib.image as mpimg
import pytest
from errors import raises
from rich.console import Console

from tau3mu.benchmark.__main__ import main
from tau3mu.benchmark.scaling import (
    curves,
    efficiencies,
    line,
    plot_sizes,
    plot_workers,
    save_plots,
    slopes,
)
from tau3mu.benchmark.study import Study, differences, found_of, load_study, save_study
from tau3mu.benchmark.tables import compare, machine_line, points_table, rows_table
from tau3mu.errors import InputError


def text(renderable):
    console = Console(width=240, file=StringIO())
    console.print(renderable)
    return console.file.getvalue()


def test_a_study_comes_back_as_it_was_saved(study, tmp_path):
    save_study(study, tmp_path / "study.json")
    assert load_study(tmp_path / "study.json") == study


@pytest.mark.parametrize(
    ("content", "code", "path"),
    [
        ("{", "not-json", "other.json"),
        ("[]", "wrong-type", ""),
        ('{"version": 1, "points": [{"series": 1}]}', "wrong-type", "points[0].series"),
        ('{"version": 2}', "version", "version"),
        ("{}", "version", "version"),
    ],
)
def test_a_file_that_is_not_a_study(tmp_path, content, code, path):
    (tmp_path / "other.json").write_text(content)
    with raises(f"study.{code}", InputError, path=path, mentions="other.json"):
        load_study(tmp_path / "other.json")


def test_a_file_that_is_not_there(tmp_path):
    with raises("config.cannot-read", InputError, path="none.json"):
        load_study(tmp_path / "none.json")


def test_the_result_does_not_depend_on_the_order():
    rows = [(1, 2, 3, 0, 1.5), (1, 2, 4, 1, 2.5)]
    one, other = found_of({"all": 9}, rows), found_of({"all": 9}, rows[::-1])
    assert one == other
    assert (one.candidates, one.mass_sum) == (2, 4.0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"steps": {"all": 1000, "hlt": 499}}, "hlt: 499 events, expected 500"),
        ({"candidates": 21}, "21 candidates, expected 20"),
        ({"digest": "b" * 64}, "as many candidates, but not the same"),
        ({"mass_sum": 38.5001}, "the masses add up to 38.5001, expected 38.5"),
    ],
)
def test_differences_of_results(found, change, problem):
    assert differences(found, found) == []
    assert differences(replace(found, **change), found) == [problem]


def test_slopes_of_a_curve(study):
    ((name, points),) = curves(study.points, "size").items()
    assert name == "tau3mu, iterative"
    assert line(points) == pytest.approx((1.1, 1e-3))
    assert slopes(points, "wall") == pytest.approx([1e-3, 1e-3])


def test_efficiency_is_relative_to_the_fewest_workers(study):
    ((name, points),) = curves(study.points, "workers").items()
    assert name == "tau3mu, dask"
    assert efficiencies(points) == pytest.approx({1: 1.0, 4: 0.8})


def test_median_of_the_runs(study):
    assert study.points[0].median("wall") == 2.1
    assert study.points[0].loop is None
    assert study.points[3].loop == 8.0


def test_tables(study):
    points = text(points_table(study.points)).splitlines()
    (first,) = [row for row in points if " 2.10 " in row]
    cells = [cell.strip() for cell in first.strip("│").split("│")]
    assert cells == [
        *("size", "tau3mu", "1 t3m std::vector TTree, zlib-1", "1000", "iterative", "default"),
        *("2.10", "2.10", "", "476", "0.1", "0.4", "300", "300", "", "0.3"),
    ]
    rows = text(rows_table(study.rows))
    assert [line.split("│")[4].strip() for line in rows.splitlines() if "<=" in line] == [
        *("yes", "NO", "not run"),
    ]
    assert machine_line(study).startswith("Abacus, 2 cores, 8 GB, load 0.2 before; Python 3.11.7")


def test_plots_show_the_points_and_their_slope(study):
    (axes,) = plot_sizes(study).axes
    measured, fitted = axes.lines
    assert list(measured.get_xdata()) == [1000, 2000, 3000]
    assert list(measured.get_ydata()) == [2.1, 3.1, 4.1]
    assert fitted.get_ydata() == pytest.approx([1.1, 4.1])
    assert fitted.get_label() == "1.1 s +1000.0 µs per event"
    (axes,) = plot_workers(study).axes
    assert list(axes.lines[0].get_ydata()) == pytest.approx([1.0, 0.8])


def test_plots_are_written_for_what_there_is(study, tmp_path):
    study.points = study.points[:3]
    assert save_plots(study, tmp_path / "plots") == [tmp_path / "plots" / "sizes.png"]
    assert mpimg.imread(tmp_path / "plots" / "sizes.png").shape == (750, 1050, 4)


def changed(study, make_point, **changes):
    return Study(machine=study.machine, points=[make_point(**changes), study.points[1]])


@pytest.mark.parametrize(
    ("wall", "verdict"),
    [
        ((3.0, 3.1, 3.2), "more"),
        ((1.0, 1.1, 1.2), "less"),
        ((2.15, 4.0), "same"),
        ((2.204,), "same"),
    ],
    ids=["slower", "faster", "overlapping", "within 5 %"],
)
def test_changes_count_beyond_the_spread(study, make_point, wall, verdict):
    found = compare(study, changed(study, make_point, wall=wall))
    change = found.changes[0]
    assert (change.quantity, change.verdict) == ("wall", verdict)
    assert change.ratio == pytest.approx(median(wall) / 2.1)
    assert len(found.alone) == 3
    assert found.physics == []


def test_compare_command(study, make_point, tmp_path, capsys):
    save_study(study, tmp_path / "a.json")
    save_study(changed(study, make_point, wall=(4.2,)), tmp_path / "b.json")
    assert main(["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 0
    out = capsys.readouterr().out
    (row,) = [line for line in out.splitlines() if " 2.10 s" in line and "wall" in line]
    assert [cell.strip() for cell in row.split("│")[3:7]] == ["2.10 s", "4.20 s", "2.00", "more"]
    assert out.count("only in one study") == 3


def test_other_physics_fails(study, make_point, found, tmp_path, capsys):
    other = changed(study, make_point, found=replace(found, candidates=19))
    save_study(study, tmp_path / "a.json")
    save_study(other, tmp_path / "b.json")
    assert main(["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 1
    assert "19 candidates, expected 20" in capsys.readouterr().err


def test_nothing_in_common_fails(study, machine, tmp_path, capsys):
    save_study(study, tmp_path / "a.json")
    save_study(Study(machine=machine), tmp_path / "b.json")
    assert main(["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 1
    assert "no point in common" in capsys.readouterr().err


def test_show_command_takes_several_studies_as_one(study, tmp_path, capsys):
    save_study(study, tmp_path / "a.json")
    one, plots = str(tmp_path / "a.json"), tmp_path / "plots"
    assert main(["show", one, one, "--plots", str(plots)]) == 0
    assert sorted(path.name for path in plots.iterdir()) == ["sizes.png", "workers.png"]
    out = capsys.readouterr().out
    assert out.count("Abacus") == 2
    assert json.loads((tmp_path / "a.json").read_text())["machine"]["processor"] == "Abacus"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shwo", "a.json"], "invalid choice: 'shwo'"),
        (["compare", "a.json"], "B.json"),
        (["show", "a.json", "--plot", "x"], "did you mean '--plots'"),
        (["show", "none.json"], "none.json"),
    ],
)
def test_wrong_usage_is_one_message(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main(arguments))
    assert ended.value.code == 1
    assert message in capsys.readouterr().err
