"""Names in addresses and the files that they mean: never outside the root, never through a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["confined"]


def confined(root: Path, text: str) -> Path:
    """Returns the file or folder that a part of an address means.

    Args:
        root: Of all that is shown.
        text: A path from there, "" for the root itself.

    Raises:
        InputError: There is no such file, it is hidden, or it would be outside of the root.
    """
    parts = [part for part in text.split("/") if part not in {"", "."}]
    root = root.resolve()
    path = root.joinpath(*parts)
    wrong = text.startswith("/") or "\0" in text or any(part.startswith(".") for part in parts)
    try:
        known = not wrong and path.exists() and path.resolve() == path
    except OSError:  # a name that is too long
        known = False
    if not known:
        message = f"there is no {text!r} in this folder"
        raise InputError(message, code="web.not-found", path=text)
    return path
