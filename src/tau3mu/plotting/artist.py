"""Another process that draws, so that a run need not wait for it: started early, told later."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tau3mu.plotting.pictures import Picture

__all__ = ["NO_PLOTS", "Artist"]

log = logging.getLogger(__name__)

NO_PLOTS: Final = "TAU3MU_NO_PLOTS"
"""The environment variable that keeps runs from drawing."""

_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Artist:
    """Draws pictures in another process, which imports what it needs while the run reads events.

    It has a session of its own: Ctrl-C is for the run, which ends the artist.
    """

    def __init__(self) -> None:
        """Starts the process; where none can be started, nothing is drawn."""
        self._asked = 0
        self._process: subprocess.Popen[str] | None = None
        command = [sys.executable, "-m", "tau3mu.plotting.drawing"]
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), "MPLBACKEND": "agg"}
        try:
            self._process = subprocess.Popen(
                command, text=True, encoding="utf-8", env=environment, start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except OSError as error:
            log.warning("no pictures are drawn: %s", error)

    def close(self) -> None:
        """Ends the process, whatever it draws."""
        if self._process is not None:
            self._end(self._process)
            if self._process.stdout is not None:
                self._process.stdout.close()

    def draw(self, folder: Path, pictures: Iterable[Picture]) -> None:
        """Has pictures drawn, in this order; may be called several times.

        Args:
            folder: The results folder, in which everything is that they are made of.
            pictures: What to draw.
        """
        asked = [one._asdict() for one in pictures]
        self._asked += len(asked)
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):  # it has died, which `finish` says
                line = json.dumps({"folder": str(folder.absolute()), "pictures": asked})
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()

    def finish(self, patience: float) -> list[str]:
        """Waits until everything is drawn, and returns what could not be drawn, and why.

        Args:
            patience: The seconds after which the rest is given up.
        """
        if self._process is None:
            return ["no pictures: the process that draws them cannot be started"]
        try:
            output, _ = self._process.communicate(timeout=patience)
            why = f"the process that draws ended with code {self._process.returncode}"
        except subprocess.TimeoutExpired:
            self._end(self._process)
            output, _ = self._process.communicate()
            why = f"drawing was given up after {patience:.0f} s"
        done, problems = 0, []
        for line in output.splitlines():
            with suppress(ValueError, TypeError, KeyError):  # other lines are of libraries
                answer = json.loads(line)
                done += 1
                if answer["problem"]:
                    problems.append(f"picture {answer['file']}: {answer['problem']}")
        if done < self._asked:
            log.warning("the process that draws said: %s", output[-2000:])
            problems.append(
                f"{self._asked - done} of {self._asked} pictures are missing: {why}; "
                "draw them with python -m tau3mu.plot FOLDER"
            )
        return problems

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        """Ends a process with those that it has started."""
        if process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, 9)
        process.wait()
        with suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
