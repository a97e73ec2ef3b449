"""The user's grid proxy: where it is, and whether it may be used.

Its content stays in the file: neither messages nor objects hold any of it.
"""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError
from tau3mu.storage.remote import is_xrootd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.clusters.proxy.certificates import Lifetime

__all__ = ["VARIABLE", "Checked", "Proxy", "Version", "find_proxy", "needs_proxy", "span"]

VARIABLE: Final = "X509_USER_PROXY"
"""Where XRootD's client looks for the path of the proxy."""

Version = tuple[int, int, int]
"""The inode, time of change and size of a file, in which it differs from the one before."""

_COMMAND: Final = "voms-proxy-init -rfc -voms cms -valid 96:00"
_LARGEST: Final = 1_000_000


@dataclass(frozen=True)
class Checked:
    """The content of a file when it was checked, for processes of its owner only.

    Attributes:
        content: The proxy with its key.
        lifetime: From when until when it holds.
        version: Of the file.
    """

    content: bytes = field(repr=False)
    lifetime: Lifetime
    version: Version


@dataclass(frozen=True)
class Proxy:
    """A grid proxy by its path; the file is read each time."""

    path: Path

    def check(self, needed: timedelta = timedelta(0)) -> None:
        """Checks that the file is safe and that the proxy in it holds for long enough.

        It is a regular file of this user that nobody else may read, with a key that belongs to
        the first certificate and a chain of signatures, all of it valid now.

        Args:
            needed: For how long from now it has to hold.

        Raises:
            InputError: It is not; the message has the command to run.
        """
        self.read(needed)

    def read(self, needed: timedelta = timedelta(0)) -> Checked:
        """Returns the content after a check.

        Args:
            needed: For how long from now it has to hold.

        Raises:
            InputError: As `check`.
        """
        found = _load(self.path)
        if isinstance(found, str):
            raise self._refusal(found)
        if problem := self._problem_of_time(found.lifetime, needed):
            del found  # a traceback must not hold the key
            raise self._refusal(problem)
        return found

    def remaining(self) -> timedelta:
        """Returns how long the proxy still holds; nothing if it has expired.

        Raises:
            InputError: There is no usable file any more.
        """
        found = _load(self.path)
        if isinstance(found, str):
            raise self._refusal(found)
        return found.lifetime.remaining()

    def version(self) -> Version | None:
        """Returns a value that changes with content and mode of the file; None if there is none."""
        try:
            return _version(self.path.stat())
        except OSError:
            return None

    def command(self) -> str:
        """Returns the command that renews this proxy."""
        return _command(self.path)

    def _refusal(self, problem: str) -> InputError:
        message = f"grid proxy {self.path} cannot be used: {problem}"
        return InputError(message, code="proxy.unusable", path=self.path)

    def _problem_of_time(self, lifetime: Lifetime, needed: timedelta) -> str | None:
        now = datetime.now(timezone.utc)
        new = f"make a new one: {self.command()}"
        if now < lifetime.begins:
            return (
                f"it holds only from {lifetime.begins:%Y-%m-%d %H:%M:%S} UTC on, and it is "
                f"{now:%Y-%m-%d %H:%M:%S} UTC here: correct the clock of this machine, or {new}"
            )
        if lifetime.ends <= now:
            return f"it expired {span(now - lifetime.ends)} ago; {new}"
        if lifetime.ends - now < needed:
            return (
                f"it expires in {span(lifetime.ends - now)}, and {span(needed)} are needed; {new}"
            )
        return None


def find_proxy(option: Path | None) -> Proxy | None:
    """Returns the proxy to use: the one asked for, that of `X509_USER_PROXY`, or /tmp/x509up_uUID.

    `Proxy.check` checks whether it can be used.

    Args:
        option: The path that a user gave, if any.

    Returns:
        The proxy; None if nothing was asked for and there is no file at the usual place.
    """
    if option is not None:
        return Proxy(user_path(option).absolute())
    if named := os.environ.get(VARIABLE):
        return Proxy(user_path(named).absolute())
    usual = _usual_place()
    return Proxy(usual) if os.path.lexists(usual) else None


def needs_proxy(paths: Iterable[str]) -> bool:
    """Returns whether one of the files is read with a protocol that uses a proxy.

    Args:
        paths: Paths and URLs.
    """
    return any(map(is_xrootd, paths))


def span(time: timedelta) -> str:
    """Returns a human-readable length of time such as `3 h 20 min`, rounded down.

    Args:
        time: Not negative.
    """
    seconds = int(time.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _load(path: Path) -> Checked | str:
    """Returns the content of a file that is safe, or what is wrong as the end of a sentence."""
    new = f"make a new one: {_command(path)}"
    try:
        # Without waiting for a writer, should it be a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return f"there is no such file; {new}"
    except OSError as error:
        return f"{error.strerror}; {new}"
    try:
        status = os.fstat(descriptor)
        if unsafe := _unsafe(path, status):
            return unsafe
        content = os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)
    try:
        from tau3mu.clusters.proxy.certificates import lifetime_of

        lifetime = lifetime_of(content)
    except ImportError:
        return "the package cryptography, which checks it, is not here: pip install cryptography"
    if isinstance(lifetime, str):
        return f"{lifetime}; {new}"
    return Checked(content, lifetime, _version(status))


def _unsafe(path: Path, status: os.stat_result) -> str | None:
    if not stat.S_ISREG(status.st_mode):
        return f"it is not a file; make one: {_command(path)}"
    if status.st_uid != os.getuid():
        return (
            f"it belongs to the user with number {status.st_uid} rather than to you "
            f"({os.getuid()}); make your own and give its path with --proxy: "
            f"{_COMMAND} -out ~/.x509up"
        )
    if status.st_mode & 0o077:
        return (
            f"others may use it (its mode is {stat.S_IMODE(status.st_mode):04o}); "
            f"make it yours alone: chmod 600 {shlex.quote(str(path))}"
        )
    if status.st_size > _LARGEST:
        return f"it has {status.st_size} bytes, which no proxy has; make one: {_command(path)}"
    return None


def _command(path: Path) -> str:
    place = "" if path == _usual_place() else f" -out {shlex.quote(str(path))}"
    return f"{_COMMAND}{place}"


def _usual_place() -> Path:
    return Path(f"/tmp/x509up_u{os.getuid()}")


def _version(status: os.stat_result) -> Version:
    # The time of the last change of mode or content: a file is better after chmod, too.
    return status.st_ino, status.st_ctime_ns, status.st_size
