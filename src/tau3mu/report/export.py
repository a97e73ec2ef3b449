"""A result or a comparison as one file of HTML that needs nothing else and can be mailed."""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from tau3mu.errors import InputError
from tau3mu.plotting import cutflow_figure, histogram_figure, overlay_figure
from tau3mu.plotting.pictures import stored_picture
from tau3mu.plotting.stability import stability_figure
from tau3mu.report.comparison import comparison_view
from tau3mu.report.pictures import Pictures
from tau3mu.report.rendering import environment
from tau3mu.report.result import result_view
from tau3mu.report.tables import histogram_rows, result_tables
from tau3mu.results.manifest import results_in
from tau3mu.storage.files import make_folder, write_text
from tau3mu.storage.names import RUN

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_free", "export_comparison", "export_result"]


_DRAWN: Final = (1, 2)
"""Variables of histograms of which there are pictures; of all there are the entries."""


def export_result(folder: Path, file: Path) -> None:
    """Writes a results folder as one file of HTML.

    Args:
        folder: The results folder, or that of a train.
        file: Where to write; its folder is made if it is missing.

    Raises:
        InputError: There is no results folder, or the file exists already.
        RunError: The file cannot be written.
    """
    check_free(file)
    view = result_view(folder)
    context = {
        "view": view,
        "tables": result_tables(view),
        "pictures": _result_pictures(results_in(folder), view),
        "rows": {one["name"]: histogram_rows(one["histograms"]) for one in view["processors"]},
        "files": {one["name"]: _sizes(one["files"]) for one in view["processors"]},
    }
    _write(file, "report/result_file.html", context)


def export_comparison(comparison: Any, file: Path) -> None:
    """Writes a comparison as one file of HTML, with pictures of the histograms that differ.

    Args:
        comparison: A `tau3mu.compare.Comparison`; the pictures are made from its folders, if they
            are still there.
        file: Where to write; its folder is made if it is missing.

    Raises:
        InputError: The file exists already.
        RunError: The file cannot be written.
    """
    check_free(file)
    view = comparison_view(comparison)
    _write(
        file,
        "report/comparison_file.html",
        {"view": view, "pictures": _overlays(comparison)},
    )


def check_free(file: Path) -> None:
    """Checks that nothing would be replaced.

    Args:
        file: Where a report is to be written.

    Raises:
        InputError: There is something of this name already.
    """
    if file.exists() or file.is_symlink():
        message = f"{file} exists already; choose another name or move it away"
        raise InputError(message, code="report.file-exists", path=file)


def _result_pictures(folder: Path, view: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the pictures of each processor: all cutflows first, and all histograms last."""
    make = Pictures()
    names = [one["name"] for one in view["processors"]]
    cutflows = {name: _picture(make, folder, name, None) for name in names}
    stability = {
        one["name"]: make.drawn(partial(stability_figure, folder, one["name"]))
        for one in view["processors"]
        if any(table["constancy"] for table in one["yields"])
    }
    fits = {
        one["name"]: {
            plot: make.stored(folder / one["name"] / plot)
            for plot in (one["fit"]["plots"] if one["fit"] else ())
        }
        for one in view["processors"]
    }
    histograms = {
        one["name"]: {
            histogram["name"]: _picture(make, folder, one["name"], histogram["name"])
            for histogram in one["histograms"]
            if len(histogram["axes"]) in _DRAWN
        }
        for one in view["processors"]
    }
    return {
        name: {
            "cutflow": cutflows[name],
            "stability": stability.get(name),
            "fit": fits[name],
            "histograms": histograms[name],
        }
        for name in names
    }


def _picture(make: Pictures, folder: Path, processor: str, name: str | None) -> dict[str, Any]:
    """Returns the picture of a histogram, or of the cutflow, as the run has drawn it, or drawn."""
    if (stored := stored_picture(folder / processor, name)) is not None:
        return make.stored(stored)
    if name is None:
        return make.drawn(partial(cutflow_figure, folder, processor))
    return make.drawn(partial(histogram_figure, folder, processor, name))


def _overlays(comparison: Any) -> dict[str, Any]:
    a, b = (_folder_of(name) for name in (comparison.a, comparison.b))
    if a is None or b is None:
        return {}
    make = Pictures()
    different = [one for one in comparison.histograms if not (one.same or one.only)]
    return {
        f"{one.processor}: {one.name}": make.drawn(
            partial(overlay_figure, a, b, one.processor, one.name)
        )
        for one in sorted(different, key=lambda one: -one.sigma)
    }


def _folder_of(name: str) -> Path | None:
    """Returns the results folder of a side of a comparison, None for a list of events."""
    folder = results_in(Path(name))
    if not (folder / RUN).is_file():
        folder = folder.absolute().parent  # of one processor
    return folder if (folder / RUN).is_file() and Path(name).is_dir() else None


def _sizes(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from tau3mu.report.rendering import size_text

    return [{"file": one["name"], "size": size_text(one["bytes"])} for one in found]


def _write(file: Path, template: str, context: dict[str, Any]) -> None:
    style = (files("tau3mu.report") / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    text = environment().get_template(template).render(
        **context, style=Markup(style), policy=policy
    )  # fmt: skip
    make_folder(file.parent)
    check_free(file)  # drawing takes a while
    write_text(file, text)
