"""Label and comment of a train, changed on its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from tau3mu.errors import InputError
from tau3mu.train.annotating import annotate
from tau3mu.train.notes import described
from tau3mu.train.page.details import folder_of
from tau3mu.train.page.shown import shown
from tau3mu.web.forms import form
from tau3mu.web.rendering import page, redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


def edit(request: Request) -> Response:
    """Shows the form with label and comment."""
    folder = folder_of(request)
    record = described(folder)
    return page(
        request, "page/annotate.html",
        number=int(folder.name), old=record, label=record.label, comment=record.comment,
        message=None,
    )  # fmt: skip


def save(request: Request) -> Response:
    """Changes label and comment, unless somebody else has since the form was shown."""
    folder = folder_of(request)
    number = int(folder.name)
    fields = form(request)
    given = {
        name: fields.get(name, [""])[0].replace("\r\n", "\n")
        for name in ("label", "comment", "label_before", "comment_before")
    }
    record = described(folder)
    problem, status = None, 200
    if (record.label, record.comment) != (given["label_before"], given["comment_before"]):
        problem = "somebody has changed them since this form was shown: compare, and save again"
        status = 409
    else:
        known = shown(request)
        try:
            annotate(
                known.store, number, label=given["label"], comment=given["comment"],
                database=known.database,
            )  # fmt: skip
        except InputError as error:
            problem, status = str(error), 400
    if problem is None:
        return redirect(request, f"trains/{number}")
    return page(
        request, "page/annotate.html", status,
        number=number, old=record, label=given["label"], comment=given["comment"],
        message=problem,
    )  # fmt: skip


routes: Final = [
    Route("/trains/{number}/label", edit, methods=["GET"]),
    Route("/trains/{number}/label", save, methods=["POST"]),
]
