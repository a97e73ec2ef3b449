"""Dask's report of a run: written, or refused before the run."""

from __future__ import annotations

import shutil

import pytest
from errors import raises

from tau3mu.clusters import connect, performance_report
from tau3mu.errors import InputError
from tau3mu.run import main

pytestmark = pytest.mark.integration


def bokeh_version() -> tuple[int, ...]:
    try:
        import bokeh
    except ModuleNotFoundError:
        return ()
    return tuple(int(part) for part in bokeh.__version__.split(".")[:2])


def test_no_file_no_report(client):
    """Fails if a run without the option needs Bokeh."""
    with performance_report(client, None):
        pass


@pytest.mark.parametrize("name", ["report.txt", "no/report.html"])
def test_wrong_files_are_refused(client, tmp_path, name):
    """Fails if the file turns out to be wrong after hours of work."""
    with (
        raises("clusters.report-file", InputError, path=name),
        performance_report(client, tmp_path / name),
    ):
        pass


@pytest.mark.skipif(bool(bokeh_version()), reason="Bokeh is installed")
def test_scheduler_without_bokeh_is_refused(client, tmp_path):
    """Fails if the lack of Bokeh shows when the report is written, after the run."""
    file = tmp_path / "report.html"
    with (
        raises("clusters.no-bokeh", InputError, mentions="bokeh<3.9"),
        performance_report(client, file),
    ):
        pass
    assert not file.exists()


@pytest.mark.skipif(bokeh_version() < (3, 9), reason="needs Bokeh 3.9 or later")
def test_too_new_bokeh_is_refused(client, tmp_path):
    """Fails if dask's TemplateNotFound ends a run that had succeeded."""
    with (
        raises("clusters.no-bokeh", InputError, mentions="bokeh<3.9"),
        performance_report(client, tmp_path / "report.html"),
    ):
        pass


@pytest.mark.skipif(not () < bokeh_version() < (3, 9), reason="needs Bokeh before 3.9")
def test_report_is_written_also_if_the_run_fails(tmp_path):
    """Fails if there is no report, or if it hides how a run ended."""
    with connect(workers=1) as client:
        with performance_report(client, tmp_path / "good.html"):
            client.submit(sum, [1, 2]).result(timeout=30)
        assert "Task Stream" in (tmp_path / "good.html").read_text()
        with pytest.raises(ZeroDivisionError), performance_report(client, tmp_path / "bad.html"):
            1 / 0  # noqa: B018
        assert (tmp_path / "bad.html").stat().st_size > 10_000
        with pytest.raises(KeyError), performance_report(client, tmp_path / "none.html"):
            _lose(client)
    assert not (tmp_path / "none.html").exists()


@pytest.mark.skipif(not () < bokeh_version() < (3, 9), reason="needs Bokeh before 3.9")
def test_names_of_files_and_errors_are_text_in_the_report(tmp_path, demo):
    """Fails if who names a file can put a program into the report that others open."""
    script = "<script>alert(1)<"  # no slash: it has to be the name of a file
    odd = tmp_path / f"{script}.root"
    shutil.copy(demo[0], odd)
    report = tmp_path / "report.html"
    options = ["--executor", "dask", "--workers", "1", "--no-fit", "--skip-bad-files"]
    code = main(
        [*options, "--performance-report", str(report), "--output", str(tmp_path / "out"), str(odd)]
    )
    assert code == 0
    assert "Task Stream" in report.read_text()
    assert script not in report.read_text()


def _lose(client):
    client.close()
    raise KeyError
