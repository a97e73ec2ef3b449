"""The plan of a run: what is going to be done, checked beforehand, with what it keeps open."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tau3mu.cpus import usable_cpus
from tau3mu.datasets.parts import own_columns
from tau3mu.datasets.short import view_entries
from tau3mu.processing.fingerprint import source_hash
from tau3mu.processing.needs import that_read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tau3mu.clusters.proxy.proxy import Proxy
    from tau3mu.datasets import CheckedFile, Chunk, Dataset, FailedFile
    from tau3mu.datasets.brilcalc import LuminosityTable
    from tau3mu.derived import SkimRequest
    from tau3mu.execution import ErrorGroup
    from tau3mu.fit import FitModel
    from tau3mu.outputs.contract import Returned
    from tau3mu.processing import Processor
    from tau3mu.results.manifest import Manifest
    from tau3mu.run.settings import Settings

__all__ = ["RunPlan", "columns_of"]


def columns_of(
    datasets: Sequence[Dataset], processors: Sequence[Processor], settings: Settings
) -> dict[str, frozenset[str]]:
    """Returns the columns that are read of each dataset, by its name.

    Args:
        datasets: Those of a run.
        processors: What runs on them.
        settings: Whether results are kept by run.
    """
    own = own_columns(datasets, per_run=settings.per_run)
    return {
        one.name: own.union(*(each.columns for each in that_read(processors, one)))
        for one in datasets
    }


@dataclass(frozen=True, eq=False)
class RunPlan:
    """The work of a run, checked beforehand. It owns open files and users' modules.

    Attributes:
        folder: The results folder, to be made unless the run is resumed.
        named: Whether the user has named it; else a number is put at its end if it is there.
        settings: How to run.
        options: What `--resume` goes on with, None if objects were given in Python.
        processors: What runs on each chunk.
        datasets: What is read.
        files: The files to read, as they were checked.
        failed: The files that cannot be opened, if they may be skipped.
        chunks: Ranges of entries that cover every event once.
        models: The fits, by processor.
        expected: What the processors return without events.
        proxy: The grid proxy, if one is needed.
        skims: What is derived beside the results, by processor.
        luminosities: The luminosity files of data, by their paths.
        warnings: What is odd about what is read, but no error.
        done: The manifest of the run that is resumed if nothing is left to do.
        isolate: Whether the others go on when a processor fails.
        set_apart: The errors of processors that have failed already, by name.
    """

    folder: Path
    named: bool
    settings: Settings
    options: dict[str, Any] | None
    processors: list[Processor]
    datasets: list[Dataset]
    files: list[CheckedFile]
    failed: list[FailedFile]
    chunks: list[Chunk]
    models: dict[str, FitModel]
    expected: dict[str, Returned]
    proxy: Proxy | None = None
    skims: dict[str, SkimRequest] = field(default_factory=dict)
    luminosities: Mapping[str, LuminosityTable] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    done: Manifest | None = None
    isolate: bool = False
    set_apart: Mapping[str, list[ErrorGroup]] = field(default_factory=dict)
    resources: ExitStack = field(default_factory=ExitStack, repr=False)

    def close(self) -> None:
        """Closes the files that were checked and not read, and forgets users' code."""
        self.resources.close()

    @property
    def entries(self) -> int:
        """The number of events to read."""
        return sum(chunk.entries for chunk in self.chunks)

    def view_entries(self, file: CheckedFile | FailedFile) -> int | None:
        """Returns how many events of a file are to be read, None if nobody knows.

        Args:
            file: Of one of the datasets, which may be a short view.
        """
        fractions = {dataset.name: dataset.fraction for dataset in self.datasets}
        if file.entries is None:
            return None
        return view_entries(file.entries, fractions[file.dataset])

    @property
    def workers(self) -> int:
        """The number of processes: no more than there are chunks."""
        if self.settings.executor == "iterative":
            return 1
        return max(1, min(self.settings.workers or usable_cpus(), len(self.chunks)))

    @property
    def working(self) -> list[Processor]:
        """The processors that have not failed already."""
        return [one for one in self.processors if one.name not in self.set_apart]

    @property
    def columns(self) -> dict[str, frozenset[str]]:
        """The columns that are read of each dataset, by its name."""
        return columns_of(self.datasets, self.processors, self.settings)

    def read_by(self, processor: Processor) -> list[Dataset]:
        """Returns the datasets that a processor reads.

        Args:
            processor: One of those of the run.
        """
        return [one for one in self.datasets if one.is_read_by(processor.name)]

    def key(self, keys: Sequence[str]) -> str:
        """Returns a hash of all that the results depend on.

        Args:
            keys: Those of the chunks, which depend on files and processors.
        """
        facts = {
            "chunks": list(keys),
            "filling": source_hash(self.processors),
            "candidates": self.settings.candidates,
            "fits": {name: model.hash for name, model in self.models.items()},
        }
        if self.luminosities:
            facts["luminosities"] = sorted(table.hash for table in self.luminosities.values())
        if self.skims:
            facts["skims"] = {name: repr(request) for name, request in self.skims.items()}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
