"""The log of a run, which is kept beside its results."""

from __future__ import annotations

import logging
import shlex
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tau3mu.errors import RunError, Tau3muError
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["log_command", "run_log"]

log = logging.getLogger(__name__)

_COMMAND = "tau3mu_command"


def log_command(words: Sequence[str]) -> None:
    """Logs a command for the shell, which stands in a line of its own, to be copied.

    Args:
        words: The command and its arguments.
    """
    log.info("%s", redact(shlex.join(words)), extra={_COMMAND: True})


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Appends what is logged within the block to a file, and the error that ends the block.

    From this package, messages of level INFO and above are kept, from others those of level
    WARNING and above. Times are UTC, and passwords and tokens are replaced.

    A disk that becomes full ends the log with one warning to the other handlers, not the run.

    Args:
        path: The file.

    Raises:
        RunError: The file cannot be opened.
    """
    try:
        handler = _Handler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or error}"
        raise RunError(message, code="results.cannot-write", path=path) from error
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(_is_ours_or_serious)
    package, root = logging.getLogger("tau3mu"), logging.getLogger()
    level = package.level
    package.setLevel(min(level or logging.INFO, logging.INFO))
    root.addHandler(handler)
    try:
        yield
    except Tau3muError as error:
        log.error("%s", error)  # noqa: TRY400 - the message is for users, a traceback is not
        raise
    except BaseException:
        log.exception("the run ended with an error")
        raise
    finally:
        root.removeHandler(handler)
        package.setLevel(level)
        with suppress(OSError):
            handler.close()


def _is_ours_or_serious(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] == "tau3mu"


class _Handler(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        logging.getLogger().removeHandler(self)
        log.warning("no log is kept any more in %s: %s", self.baseFilename, sys.exc_info()[1])


class _Formatter(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        if vars(record).get(_COMMAND):
            return redact(record.getMessage())
        return redact(super().format(record))
