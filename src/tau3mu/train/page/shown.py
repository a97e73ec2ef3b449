"""What all pages of a store know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from tau3mu.train.store import Store

__all__ = ["Shown", "shown"]


@dataclass(frozen=True)
class Shown:
    """What the pages know: `request.app.state.page`.

    Attributes:
        store: With all that is shown.
        train_files: The analyses of which tests and trains can be started; without any, those in
            the working directory.
        database: The URL of the index, None for that of the store.
    """

    store: Store
    train_files: tuple[Path, ...] = ()
    database: str | None = None


def shown(request: Request) -> Shown:
    """Returns what the pages of a server know.

    Args:
        request: What was asked.
    """
    return cast("Shown", request.app.state.page)
