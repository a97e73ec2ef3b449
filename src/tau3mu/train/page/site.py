"""The site of a store: which pages there are, and what they know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.train.page import (
    actions,
    analyses,
    annotate,
    datasets,
    job_pages,
    live,
    search,
    tests,
    train,
    train_actions,
    trains,
)
from tau3mu.train.page.shown import Shown
from tau3mu.web.site import Site

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.routing import BaseRoute

    from tau3mu.train.store import Store

__all__ = ["store_site"]

_NAVIGATION: Final = (("Analyses", ""), ("Trains", "trains"), ("Datasets", "datasets"))
_NOT_FOUND: Final = frozenset(
    f"train.{name}"
    for name in (
        "no-tests",
        "unknown-dataset",
        "unknown-job",
        "unknown-test",
        "unknown-train",
        "unknown-train-file",
        "unknown-version",
    )
)


def store_site(store: Store, train_files: Sequence[Path] = (), database: str | None = None) -> Site:
    """Returns the site of a store.

    Args:
        store: What is shown.
        train_files: The analyses of which tests and trains can be started.
        database: The URL of the index, None for that of the store.
    """
    pages = (
        *(analyses, actions, job_pages, tests, datasets),
        *(trains, train, live, train_actions, annotate, search),
    )
    routes: list[BaseRoute] = [route for one in pages for route in one.routes]
    return Site(
        root=store.root,
        title="tau3mu trains",
        routes=routes,
        templates=["tau3mu.train.page"],
        navigation=_NAVIGATION,
        search="search",
        data=Shown(store, tuple(train_files), database),
        conflicts=train_actions.conflicts,
        not_found=_NOT_FOUND,
        prepare=search.bring_up_to_date,
    )
