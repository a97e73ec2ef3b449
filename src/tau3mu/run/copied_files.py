"""Files of users below `code/` in the folder of a run: their places, and which are copied."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import Final

from tau3mu.config.documents import Strict
from tau3mu.redaction import redact
from tau3mu.storage.names import CODE

__all__ = ["CopiedFile", "Tree", "content_of", "hash_of"]

_LARGEST: Final = 10_000_000
_LARGEST_HASHED: Final = 100_000_000
_LARGEST_SECRET: Final = 100_000
_UP: Final = "up"
"""The name of a folder above the code, of which only files that the code names are copied."""


class CopiedFile(Strict):
    """A file under `code/`.

    Attributes:
        path: In the folder of the run.
        original: Where it was.
        sha256: A hash of its content.
        linked: Why it is a link to the original instead of a copy; empty for a copy.
    """

    path: str
    original: str
    sha256: str
    linked: str = ""


class Tree:
    """Files in their places below a root, or above it.

    Attributes:
        files: Their origin and content (None: that of the origin) by path from the root.
        name: That of the folder below `code/`.
    """

    def __init__(self, name: str = "") -> None:
        """Creates a tree without files."""
        self.name = name
        self.files: dict[str, tuple[Path, bytes | None]] = {}

    def add(self, path: str, origin: Path, content: bytes | None = None) -> None:
        """Adds a file; the text of a module is that which was imported, whatever names it."""
        path = os.path.normpath(path)
        if path not in self.files or content is not None:
            self.files[path] = origin, content

    @property
    def root(self) -> str:
        """Where paths start, in the folder of the run."""
        above = max((PurePosixPath(path).parts.count("..") for path in self.files), default=0)
        return "/".join((CODE, self.name, *[_UP] * above))

    def placed(self, path: str) -> str:
        """Returns where a file is, in the folder of the run."""
        return os.path.normpath(f"{self.root}/{path}")


def hash_of(file: Path) -> str:
    """Returns the SHA-256 hash of a file, empty of a folder or what cannot be read.

    Of a file beyond 100 MB it is the size, since to read it takes long.
    """
    digest = hashlib.sha256()
    try:
        if (size := file.stat().st_size) > _LARGEST_HASHED:
            return f"size:{size}"
        with file.open("rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()


def content_of(file: Path) -> tuple[bytes, str]:
    """Returns the content of a file to copy, and why it is linked instead; empty if it is not."""
    if file.is_dir():
        return b"", "it is a folder"
    if _is_private(file):
        return b"", "it is a hidden file of the home directory"
    try:
        if file.stat().st_size > _LARGEST:
            return b"", "it is larger than 10 MB"
        content = file.read_bytes()
    except OSError as error:  # which the run may not need
        return b"", f"it cannot be read ({error.strerror or error})"
    if len(content) <= _LARGEST_SECRET:
        text = content.decode(errors="ignore")
        if "PRIVATE KEY" in text or redact(text) != text:
            return b"", "it holds a key, a password or a token"
    return content, ""


def _is_private(file: Path) -> bool:
    """Returns whether a file is of those, such as `~/.netrc`, that hold what is for one alone."""
    try:
        inside = file.relative_to(Path.home().resolve())
    except (RuntimeError, ValueError):
        return False
    return inside.parts[0].startswith(".")
