"""The records of the preflight about files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tau3mu.datasets.generated import Generated  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from tau3mu.storage.failures import FailureKind

__all__ = ["CheckedFile", "FailedFile", "Inspection"]


@dataclass(frozen=True)
class CheckedFile:
    """A file that can be read.

    Attributes:
        dataset: The name of its dataset.
        path: The file, an absolute path or a URL.
        tree: The name of the tree.
        layout: The name of the layout of the tree, or the text of a user's table.
        uuid: The UUID that ROOT gave to the file.
        entries: The number of entries of the tree.
        branches: The branches that hold the columns asked for, in alphabetical order.
        replicas: Further places where the same file lies, in the order in which to try them.
        checksum: What the dataset file says about the bytes, such as `adler32:0a1b2c3d`.
        listed: How the dataset names the file, if `path` is one of its replicas.
        size: Its length in bytes, None if that was not asked for.
        origin: Of derived data, the text of their origin; see `tau3mu.datasets.origin`.
        generated: Of simulation, the sums of its weights, if it holds them.
        blocks: Of data, the luminosity sections that the file lists, also those without events, as
            run, first and last section; None if it has no such list.
    """

    dataset: str
    path: str
    tree: str
    layout: str
    uuid: str
    entries: int
    branches: tuple[str, ...]
    replicas: tuple[str, ...] = ()
    checksum: str | None = None
    listed: str = ""
    size: int | None = field(default=None, compare=False)
    origin: str = ""
    generated: Generated | None = None
    blocks: tuple[tuple[int, int, int], ...] | None = None


@dataclass(frozen=True)
class FailedFile:
    """A file that cannot be read, or is not complete.

    Attributes:
        dataset: The name of its dataset.
        path: The file, as the dataset lists it.
        kind: `bad_file` if it is damaged or not there, `transient` if its servers did not answer.
        reason: What is wrong with it, in one line.
        entries: The number of events according to the dataset file, None if it has none.
    """

    dataset: str
    path: str
    kind: FailureKind
    reason: str
    entries: int | None = None


@dataclass(frozen=True)
class Inspection:
    """The content of a file; it can be read if there are no problems.

    Attributes:
        dataset: The name of its dataset.
        path: The file, as the dataset lists it.
        file: What is in it, if that could be told.
        size: Its length in bytes.
        problems: What is wrong with it.
        kind: None, unless it cannot be read or is not complete.
        warnings: What is not a problem, but may not be meant.
        failed_replicas: The replicas that cannot be read, and why.
    """

    dataset: str
    path: str
    file: CheckedFile | None = None
    size: int = 0
    problems: tuple[str, ...] = ()
    kind: FailureKind | None = None
    warnings: tuple[str, ...] = ()
    failed_replicas: tuple[tuple[str, str], ...] = ()
