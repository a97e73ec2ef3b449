"""What a server shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

__all__ = ["Site"]


@dataclass(frozen=True)
class Site:
    """What a server shows.

    Attributes:
        root: Nothing outside of this folder is shown; or of several, by the names that addresses
            begin with.
        title: Above all pages.
        home: The page that is shown first, with the words of its query, where no route is "/".
        routes: The pages, but for those that all sites have.
        templates: Packages with templates, besides `tau3mu.web`.
        navigation: Texts and paths of the pages that each page links to.
        search: The path of the page that the search box of all pages asks, "" for no box.
        data: What the pages need to know, such as the store: `request.app.state.page`.
        not_found: Codes of errors that mean that there is no such page.
        conflicts: Codes of errors that mean that something else stands in the way.
        prepare: Does beforehand what the first pages need and takes long; it is called beside the
            server as soon as that listens.
    """

    root: Path | Mapping[str, Path]
    title: str
    home: tuple[str, Mapping[str, str]] = ("result", {})
    routes: Sequence[BaseRoute] = ()
    templates: Sequence[str] = ()
    navigation: Sequence[tuple[str, str]] = ()
    search: str = ""
    data: Any = None
    not_found: frozenset[str] = frozenset()
    conflicts: frozenset[str] = frozenset()
    prepare: Callable[[Starlette], object] | None = None
