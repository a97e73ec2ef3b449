"""Size and time of files, by which one tells whether they have changed."""

from __future__ import annotations

import os
import stat

from tau3mu.storage.failures import failure_kind, is_defect, read_errors
from tau3mu.storage.locations import is_url
from tau3mu.storage.remote import client_options, note_failure

__all__ = ["state_of"]

_MARKS = ("mtime", "LastModified", "Last-Modified", "ETag", "etag")
"""How servers say when a file was written, or which version of it there is."""


def state_of(path: str, *, before: int | None = None) -> tuple[int, str] | None:
    """Returns the size of a file and a text that is another one when it was written to.

    Args:
        path: A local path, or a URL, of which the server is asked.
        before: The time, in nanoseconds, before which a local file must have been written last: the
            clocks of file systems tick slowly, so one that has just been written may change again
            within a tick.

    Returns:
        None if the file is not there, or nothing tells when it was written.
    """
    if is_url(path):
        return _state_at_server(path)
    try:
        facts = os.stat(path)  # noqa: PTH116 - of thousands of files
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(facts.st_mode) or (before is not None and facts.st_mtime_ns >= before):
        return None
    return facts.st_size, str(facts.st_mtime_ns)


def _state_at_server(path: str) -> tuple[int, str] | None:
    import fsspec

    client_options(path)
    try:
        files, name = fsspec.core.url_to_fs(path)
        facts = files.info(name)
        size = facts.get("size")
        marks = [f"{mark} {facts[mark]}" for mark in _MARKS if facts.get(mark)]
        return (int(size), "; ".join(marks)) if marks and size is not None else None
    except read_errors() as error:  # whoever opens the file says what is wrong
        if is_defect(error):
            raise
        if failure_kind(error) == "transient":
            note_failure(path)
        return None
