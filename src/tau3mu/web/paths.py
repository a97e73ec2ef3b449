"""Names in addresses and the files that they mean: never outside of what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["confined"]


def confined(root: Path | Mapping[str, Path], text: str) -> Path:
    """Returns the file or folder that a part of an address means.

    Links are followed within a folder that is shown, and never out of it.

    Args:
        root: The folder that is shown, or several of them with the names that addresses begin with.
        text: A path from there, "" for the folder itself.

    Raises:
        InputError: There is no such file, it is hidden, or it would be outside.
    """
    found = None if text.startswith("/") or "\0" in text else _found(root, text)
    if found is None:
        message = f"there is no {text!r} here"
        raise InputError(message, code="web.not-found", path=text)
    return found


def _found(root: Path | Mapping[str, Path], text: str) -> Path | None:
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if any(part.startswith(".") for part in parts):
        return None
    if not isinstance(root, Path):
        folder = root.get(parts[0]) if parts else None
        if folder is None:
            return None
        root, parts = folder, parts[1:]
    try:
        top = root.resolve(strict=True)
        path = top.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError):  # missing, too long a name, a circle of links
        return None
    inside = path.is_relative_to(top)
    if not inside or any(part.startswith(".") for part in path.relative_to(top).parts):
        return None
    return path
