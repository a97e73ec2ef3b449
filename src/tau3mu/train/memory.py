"""The memory of processes, as the kernel counts it: that of a tree, and the peak of this one."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Memory",
    "OwnMemory",
    "forget_peak",
    "memory_now",
    "memory_of",
    "peak_memory",
    "process_tree",
]

_PROC: Final = Path("/proc")
_KILOBYTE: Final = 1024
_PEAK_UNIT: Final = 1 if sys.platform == "darwin" else _KILOBYTE
_FORGET_PEAK: Final = "5"


@dataclass(frozen=True)
class Memory:
    """Bytes that processes have in memory.

    Attributes:
        pss: Memory that several processes share counts by its share.
        private: Memory of one process alone.
    """

    pss: int
    private: int

    def __add__(self, other: Memory) -> Memory:
        """Returns the sum."""
        return Memory(self.pss + other.pss, self.private + other.private)


class OwnMemory:
    """The memory of this process, in which what others share counts by its share, as in PSS.

    The kernel counts only now by shares; for its peak, every page of a library counts in full,
    and how many of them it maps differs between machines. The share is that of the creation, so
    that other processes which begin or end do not look like a change of this one.
    """

    def __init__(self) -> None:
        """Finds out how much of it others have too, and begins a peak."""
        counted = memory_of([os.getpid()])
        self._of_others = 0 if counted is None else max(0, memory_now() - counted.pss)
        self.begin()

    def begin(self) -> None:
        """Begins a new peak; where the kernel does not allow that, only a higher one is seen."""
        self._before = 0 if forget_peak() else peak_memory()

    def now(self) -> int:
        """Returns the bytes that this process has now."""
        return max(0, memory_now() - self._of_others)

    def peak(self) -> int:
        """Returns the most bytes that it was seen to have since `begin`."""
        most = peak_memory()
        return max(0, most - self._of_others) if most > self._before else self.now()


def memory_of(pids: Sequence[int]) -> Memory | None:
    """Returns the memory of some processes, None where nobody counts it.

    Args:
        pids: Of the processes, some of which may have ended.
    """
    known = [found for one in pids if (found := _memory(one)) is not None]
    return sum(known, Memory(0, 0)) if known else None


def memory_now() -> int:
    """Returns the bytes that this process has in memory now; its peak where nobody counts that."""
    try:
        pages = int((_PROC / "self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_memory() -> int:
    """Returns the most bytes that this process had in memory since `forget_peak`."""
    with suppress(OSError, ValueError, IndexError):
        for line in (_PROC / "self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * _KILOBYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT


def forget_peak() -> bool:
    """Begins a new peak of this process; returns False where the kernel does not allow it."""
    try:
        (_PROC / "self/clear_refs").write_text(_FORGET_PEAK)
    except OSError:
        return False
    return True


def _memory(pid: int) -> Memory | None:
    """Returns the memory of one process, None if it has ended."""
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return _resident(pid)
    sizes: dict[str, int] = {}
    for line in text.splitlines()[1:]:
        name, _, value = line.partition(":")
        sizes[name] = int(value.split()[0]) * _KILOBYTE
    if not sizes.get("Pss"):  # of a process that is ending
        return None
    return Memory(sizes["Pss"], sizes.get("Private_Clean", 0) + sizes.get("Private_Dirty", 0))


def _resident(pid: int) -> Memory | None:
    try:
        resident, shared = (_PROC / str(pid) / "statm").read_text().split()[1:3]
    except (OSError, ValueError):
        return None
    page = os.sysconf("SC_PAGE_SIZE")
    if not int(resident):  # of a process that is ending
        return None
    return Memory(int(resident) * page, (int(resident) - int(shared)) * page)


def process_tree(pid: int) -> list[int]:
    """Returns a process and its descendants, for which it looks at all processes of the machine.

    Args:
        pid: Of the process.
    """
    children: dict[int, list[int]] = {}
    for folder in _PROC.iterdir() if _PROC.is_dir() else ():
        if folder.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                # The name of a process, in parentheses, may hold anything.
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                children.setdefault(int(parent), []).append(int(folder.name))
    found = [pid]
    for one in found:  # which grows
        found += children.get(one, [])
    return found
