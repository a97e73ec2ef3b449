"""Writes a results folder.

```
run.json   configuration, inputs, versions, command, host, times
log.txt    what the run logged
<processor>/
    cutflow.json, cutflow.txt           events, candidates and weights after each step
    histograms.json, histograms.root    by dataset and variation
    candidates.root or .parquet         one row per selected event
    counters.json                       further counts of the processor, by dataset
    runs.npz                            with --per-run: all but the candidates, by dataset and run
```
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError, RunError
from tau3mu.outputs.candidates import CandidatesFormat, check_format, write_candidates
from tau3mu.outputs.cutflow import cutflow_text, with_cuts
from tau3mu.outputs.histograms import write_histograms
from tau3mu.results.by_run import write_runs
from tau3mu.storage.files import disk_error, json_text, make_folder, write_text
from tau3mu.storage.names import LOCK, LOG, why_no_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import awkward as ak
    from hist import Hist

    from tau3mu.outputs import Selection

__all__ = ["ResultsFolder", "default_folder"]


def default_folder(processors: Iterable[str]) -> Path:
    """Returns `results/TIME-PROCESSORS` for a run that starts now, in local time.

    Args:
        processors: The names of the processors.
    """
    time = datetime.now().astimezone()
    return Path("results") / "-".join([f"{time:%Y%m%d-%H%M%S}", *processors])


class ResultsFolder:
    """Writes the files of a results folder, each of them whole or not at all.

    The constructor is given a folder that exists, `create` makes a new one.
    """

    def __init__(self, path: str | Path) -> None:
        """Creates the object of an existing folder, such as that of a run that is resumed.

        Args:
            path: The folder.
        """
        self.path = Path(path)

    def __repr__(self) -> str:
        """Returns how the object was made."""
        return f"ResultsFolder({str(self.path)!r})"

    @classmethod
    def create(cls, path: str | Path, *, numbered: bool = False) -> ResultsFolder:
        """Makes a new folder, with its parents.

        Args:
            path: Its name.
            numbered: Whether to put a number at its end, from 2 on, if there is something of this
                name, also an empty folder: of runs that start at a time, each has its own.

        Raises:
            InputError: There is something of this name already, except an empty folder.
            RunError: The folder cannot be made.
        """
        if numbered:
            return cls(_make_numbered(Path(path)))
        cls.check_free(path)
        make_folder(Path(path))
        return cls(path)

    @staticmethod
    def check_free(path: str | Path) -> None:
        """Checks that `create` would not touch anything that is there.

        Args:
            path: The folder to be made.

        Raises:
            InputError: There is something of this name already, except an empty folder.
            RunError: The place cannot be looked at.
        """
        path = Path(path)
        try:
            taken = os.path.lexists(path) and (
                not path.is_dir() or any(entry.name != LOCK for entry in path.iterdir())
            )
        except OSError as error:
            message = f"cannot look into {path}: {error.strerror or error}"
            raise RunError(message, code="results.cannot-read", path=path) from error
        if taken:
            message = f"results folder {path} exists already; choose another name or move it away"
            raise InputError(message, code="results.folder-in-use", path=path)

    @property
    def log_file(self) -> Path:
        """Where the log of the run goes; see `run_log`."""
        return self.path / LOG

    def write_processor(
        self,
        name: str,
        *,
        candidates: ak.Array,
        histograms: Mapping[str, Hist[Any]],
        cutflow: Mapping[str, Sequence[Mapping[str, Any]]],
        counters: Mapping[str, Any],
        candidates_format: CandidatesFormat = "root",
        runs: Mapping[str, Mapping[int, Selection]] | None = None,
    ) -> Path:
        """Writes what a processor found and returns its folder.

        Args:
            name: The name of the processor and of its folder.
            candidates: One record per selected event.
            histograms: By name, each with an axis `dataset`; see `write_histograms`.
            cutflow: The steps of each dataset, each with `name`, `events`, `candidates`, `sumw`.
            counters: The further counts of the processor, by dataset.
            candidates_format: How to write the candidates.
            runs: What was counted and filled, by dataset and run; see `write_runs`.

        Raises:
            InputError: The name cannot be that of a folder, or there is no such format.
            RunError: A file cannot be written; those before it are there, it is not.
        """
        check_format(candidates_format)
        folder = self._processor_folder(name)
        write_text(folder / "cutflow.json", json_text(cutflow))
        write_text(folder / "cutflow.txt", cutflow_text(with_cuts(cutflow)))
        write_text(folder / "counters.json", json_text(counters))
        write_candidates(folder, candidates, fmt=candidates_format)
        write_histograms(folder, histograms)
        if runs:
            write_runs(folder, runs)
        return folder

    def _processor_folder(self, name: str) -> Path:
        if reason := why_no_folder(name):
            message = f"{name!r} cannot name a folder of results: {reason}"
            raise InputError(message, code="results.bad-name", path=name)
        folder = self.path / name
        make_folder(folder)
        return folder


def _make_numbered(path: Path) -> Path:
    make_folder(path.parent)
    number = 1
    while True:
        numbered = path if number == 1 else path.with_name(f"{path.name}-{number}")
        try:
            numbered.mkdir()
        except FileExistsError:
            number += 1
        except OSError as error:
            raise disk_error(numbered, error) from error
        else:
            return numbered
