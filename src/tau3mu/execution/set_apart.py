"""Processors that are not run any more since they have failed, while the others go on."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tau3mu.processing.user_code import address, said
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.errors import Tau3muError
    from tau3mu.processing import Processor

__all__ = ["ErrorGroup", "NoneLeftError", "SetApart", "error_group", "log_group"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ErrorGroup:
    """Errors of one kind at one place of a processor's code.

    Attributes:
        kind: The class of the exception.
        place: The deepest line of the user's own code, as `FILE:LINE`; if it is none of their
            lines, what the error is about, such as a processor and its column.
        message: What the first of them says.
        count: How many chunks had such an error. Chunks that were not begun when the first error
            came are not tried.
        example: The file and the entries of the first of them, or when else it came.
        details: The traceback of the first of them.
        code: Of the error of this package, such as `processor.failed`.
    """

    kind: str
    place: str
    message: str
    count: int = 1
    example: str = ""
    details: str = ""
    code: str = ""


class NoneLeftError(Exception):
    """Is raised when all processors of a run are set apart, so that nothing is left to do."""


class SetApart:
    """The processors of a run that have failed and are not run any more.

    Attributes:
        groups: Their errors, by the name of the processor.
    """

    def __init__(self, processors: Sequence[Processor]) -> None:
        """Creates it without any.

        Args:
            processors: All processors of the run.
        """
        self.groups: dict[str, list[ErrorGroup]] = {}
        self._processors = processors

    def __bool__(self) -> bool:
        """Returns whether there are any."""
        return bool(self.groups)

    @property
    def left(self) -> list[Processor]:
        """The processors that still run."""
        return [one for one in self._processors if one.name not in self.groups]

    def add(self, name: str, group: ErrorGroup) -> None:
        """Sets a processor apart, with all that need it, or counts one more error of it.

        Args:
            name: The name of the processor.
            group: Its error.
        """
        groups = self.groups.setdefault(name, [])
        for index, one in enumerate(groups):
            if (one.kind, one.place) == (group.kind, group.place):
                groups[index] = replace(one, count=one.count + group.count)
                return
        groups.append(group)
        log_group(name, group)
        for other in self._processors:
            if name in other.needs and other.name not in self.groups:
                message = f"it needs {name}, which is set apart: {group.message}"
                reason = ErrorGroup("needs", name, message, group.count, group.example)
                self.add(other.name, replace(reason, code="execution.need-set-apart"))


def log_group(name: str, group: ErrorGroup) -> None:
    """Writes the errors of a processor and the traceback of the first of them into the log.

    Args:
        name: The name of the processor.
        group: Its errors.
    """
    log.error("%s is set apart: %s (%s)", name, group.message, group.example)
    if group.details:
        log.error("%s", group.details)


def error_group(error: Tau3muError, where: str) -> ErrorGroup:
    """Returns the group of one error.

    Args:
        error: As it would end a run.
        where: The file and the entries, or when else it came.
    """
    cause = error.__cause__ or error
    return ErrorGroup(
        kind=type(cause).__name__,
        place=redact(address(cause) or str(error.path or "")),
        message=redact(said(cause)),
        example=redact(where),
        details=getattr(error, "details", "") or str(error),
        code=error.code or "",
    )
