"""A results folder as objects: what a run found, in memory after it or read back later."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, reduce
from operator import add
from typing import TYPE_CHECKING, Any, cast

from tau3mu.config.documents import read_document
from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError, Tau3muError, suggest
from tau3mu.execution import ProcessorResult
from tau3mu.outputs import load_candidates, load_histograms
from tau3mu.outputs.histograms import DATASET, NOMINAL, VARIATION, variable_axes
from tau3mu.report.cutflows import Cutflows, ProcessorCutflow, cutflow_view
from tau3mu.report.fits import fit_view
from tau3mu.report.notebook import in_notebook, part
from tau3mu.report.yields import Yields, yields_view
from tau3mu.results.by_run import RUNS, read_runs, sum_of_runs
from tau3mu.results.facts import fitted_datasets
from tau3mu.results.manifest import Manifest, manifest_in
from tau3mu.results.normalization import scale_of, scales
from tau3mu.storage.names import RUN, YIELDS

if TYPE_CHECKING:
    from pathlib import Path

    import awkward as ak
    from hist import Hist
    from markupsafe import Markup
    from matplotlib.figure import Figure

    from tau3mu.fit import FitResult
    from tau3mu.results.by_run import ByRun
    from tau3mu.results.manifest import DatasetFacts, FailedProcessor, MissingFile

__all__ = ["ProcessorResults", "Run", "open_run"]

COUNTERS = "counters.json"


class UnknownNameError(InputError, KeyError):
    """Is raised for a name that a run has not; also a `KeyError`, as of other mappings."""

    __str__ = Tau3muError.__str__


class ProcessorResults:
    """The results of one processor; files are read when they are asked for, and once.

    Attributes:
        name: Of the processor.
        folder: Where its files lie.
        datasets: What the run knows of those that the processor has read, by name.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        datasets: Mapping[str, DatasetFacts],
        *,
        found: ProcessorResult | None = None,
        fit: FitResult | None = None,
    ) -> None:
        """Creates the object of files that exist.

        Args:
            name: The name of the processor.
            folder: Its folder.
            datasets: What the run knows of the datasets.
            found: The content of the files, if it is in memory.
            fit: The fit, if it is in memory.
        """
        self.name = name
        self.folder = folder
        self.datasets = datasets
        if found is not None:
            vars(self).update(
                histograms=found.histograms,
                candidates=found.candidates,
                cutflow=ProcessorCutflow(found.cutflow),
                counters=found.counters,
            )
            if found.runs:
                vars(self)["_by_run"] = found.runs
        if fit is not None:
            vars(self)["fit"] = fit

    @cached_property
    def histograms(self) -> dict[str, Hist[Any]]:
        """All histograms by name, with the axes `dataset` and `variation`."""
        return dict(load_histograms(self.folder))

    @cached_property
    def candidates(self) -> ak.Array:
        """One record per selected event or candidate, sorted by dataset, file and entry."""
        return load_candidates(self.folder)

    @cached_property
    def cutflow(self) -> ProcessorCutflow:
        """The cutflow of each dataset, which shows itself as a table."""
        return ProcessorCutflow(_content(self.folder / "cutflow.json"))

    @cached_property
    def counters(self) -> dict[str, dict[str, int]]:
        """The counters of each dataset."""
        return dict(_content(self.folder / COUNTERS))

    @cached_property
    def fit(self) -> FitResult | None:
        """The fit, None if there is none."""
        if not (self.folder / "fit.json").is_file():
            return None
        from tau3mu.fit import FitResult

        return FitResult.load(self.folder)

    @cached_property
    def yields(self) -> Yields:
        """The yields of datasets and eras, selected and fitted, which show themselves as tables."""
        from tau3mu.results.fitted_yields import fitted_yields
        from tau3mu.results.yields import selected_yields

        fit = self._fit_content()
        return Yields(
            selected_yields(self.histograms, self.datasets, scales(self.datasets)),
            fitted_yields(fit, self.datasets) if fit else {},
        )

    @cached_property
    def runs(self) -> list[int]:
        """The run numbers of data, ascending; empty unless they were kept, with `--per-run`."""
        if "_by_run" not in vars(self) and not (self.folder / RUNS).is_file():
            return []
        return sorted({run for of_runs in self._by_run.values() for run in of_runs})

    def of_runs(self, runs: Iterable[int]) -> ProcessorResults:
        """Returns the results of some runs of data, with all of simulation; no events are read.

        There is no fit of them, and the luminosity of data is not known.

        Args:
            runs: Run numbers, such as some of `runs`.

        Raises:
            InputError: There are no results by run, or no events of one of the runs.
        """
        chosen = {*map(int, runs)}
        total = ProcessorResult(self.candidates, self.histograms, self.cutflow, self.counters)
        found = sum_of_runs(total, self._by_run, chosen)
        facts = {
            name: one if one.is_mc else one.model_copy(update={"lumi": None})
            for name, one in self.datasets.items()
        }
        results = ProcessorResults(self.name, self.folder, facts, found=found)
        vars(results)["fit"] = None
        return results

    @cached_property
    def _by_run(self) -> ByRun:
        return read_runs(self.folder)

    def histogram(
        self,
        name: str,
        dataset: str | None = None,
        variation: str = NOMINAL,
        *,
        normalized: bool = False,
    ) -> Hist[Any]:
        """Returns one histogram, without the axes `dataset` and `variation`.

        Args:
            name: Such as `mass`.
            dataset: Which one. By default what is fitted: the sum of all data, or of all
                simulation where there is no data.
            variation: Such as `muon_sf_up`.
            normalized: Whether simulation is scaled to its cross section and luminosity; by
                default, the histogram is as it was filled. See `tau3mu.results.scales`.

        Raises:
            InputError: There is no such histogram, dataset or variation, or not all is known that
                the normalization needs.
        """
        _check_known(name, self.histograms, f"{self.name} has no histogram")
        histogram = self.histograms[name]
        axes = {axis.name: axis for axis in histogram.axes}
        chosen: dict[str, str] = {}
        variations = list(axes[VARIATION]) if VARIATION in axes else [NOMINAL]
        _check_known(variation, variations, f"histogram {name} has no variation")
        if VARIATION in axes:
            chosen[VARIATION] = variation
        if DATASET not in axes:
            if normalized:
                message = (
                    f"histogram {name} has no axis {DATASET!r}, so that simulation in it cannot "
                    "be normalized"
                )
                raise InputError(message, code="results.no-datasets", path=name)
            return _slice(histogram, chosen)
        names = list(axes[DATASET])
        if dataset is None:
            names = fitted_datasets(names, self.datasets)
        else:
            _check_known(dataset, names, f"histogram {name} has no dataset")
            names = [dataset]
        parts = [_slice(histogram, {**chosen, DATASET: one}) for one in names]
        if normalized:
            factors = [scale_of(one, self.datasets) for one in names]
            parts = [part * factor for part, factor in zip(parts, factors, strict=True)]
        return reduce(add, parts)

    def plot(self, *names: str) -> dict[str, Figure]:
        """Returns a figure of each histogram of one or two variables, by name.

        They are as those that a run draws: data with errors, simulation stacked, their ratio.

        Args:
            names: Of the histograms to draw; all by default.

        Raises:
            InputError: There is no such histogram.
        """
        from tau3mu.plotting.stored import draw_histogram

        for name in names:
            _check_known(name, self.histograms, f"{self.name} has no histogram")
        return {
            name: draw_histogram(self.folder, name, histogram, self.datasets)
            for name, histogram in self.histograms.items()
            if len(variable_axes(histogram)) in {1, 2} and name in (names or self.histograms)
        }

    def __repr__(self) -> str:
        """Returns the name and the cutflow."""
        return f"{self.name} in {self.folder}\n{self.cutflow!r}"

    def _repr_html_(self) -> str:
        return in_notebook(*self._parts())

    def _parts(self) -> list[Markup]:
        """Returns the parts of a report: the cutflow, the verdict of the fit, and the yields."""
        shown = [part("cutflow", cutflow_view(self.cutflow), self.name)]
        content = self._fit_content()
        if content:
            shown.append(part("fit", fit_view(content)))
        path = self.folder / YIELDS
        found: Mapping[str, Any] = {"selected": None, "fitted": {}, "criterion": {}}
        if {"histograms", "yields"} & vars(self).keys():
            found = self.yields.to_dict()
        elif path.is_file():
            found = _content(path)
        views = yields_view(found)
        return [*shown, *(part("yields", one) for one in views if one["telling"])]

    def _fit_content(self) -> dict[str, Any]:
        """Returns the content of the fit's file, without reading its data; {} without a fit."""
        path = self.folder / "fit.json"
        if "fit" in vars(self):
            return {} if self.fit is None else self.fit.to_dict()
        return dict(_content(path)) if path.is_file() else {}


class Run(Mapping[str, ProcessorResults]):
    """The results of a run, by processor: `run["dsphipi"].histogram("mass")`.

    Attributes:
        folder: The results folder.
        manifest: The content of its `run.json`.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        *,
        found: Mapping[str, ProcessorResult] | None = None,
        fits: Mapping[str, FitResult] | None = None,
    ) -> None:
        """Creates the object of a folder that exists; see `open_run`.

        Args:
            folder: The results folder.
            manifest: The content of its `run.json`.
            found: The results, if they are in memory.
            fits: The fits, if they are in memory.
        """
        self.folder = folder
        self.manifest = manifest
        names = [] if manifest.status == "incomplete" else _with_results(manifest)
        self._processors = {
            name: ProcessorResults(
                name,
                folder / name,
                manifest.datasets_of(name),
                found=(found or {}).get(name),
                fit=(fits or {}).get(name),
            )
            for name in names
        }

    def __getitem__(self, name: str) -> ProcessorResults:
        """Returns the results of a processor."""
        _check_known(name, self._processors, f"the run in {self.folder} has no processor")
        return self._processors[name]

    def __iter__(self) -> Iterator[str]:
        """Returns the names of the processors in their order."""
        return iter(self._processors)

    def __len__(self) -> int:
        """Returns the number of processors."""
        return len(self._processors)

    @property
    def exit_code(self) -> int | None:
        """That of the command line: 0, 1 if a fit is not valid, 2 if events are missing.

        It is 1 as well if a processor was set apart, and None if the run ended before its fits
        were done.
        """
        return self.manifest.exit_code

    @property
    def missing(self) -> list[MissingFile]:
        """The files of which nothing is in the results."""
        return self.manifest.missing

    @property
    def set_apart(self) -> dict[str, list[FailedProcessor]]:
        """The errors of processors that failed while the others went on, by name."""
        return self.manifest.set_apart

    @property
    def warnings(self) -> list[str]:
        """Warnings about the results, which are not errors."""
        return self.manifest.warnings

    @property
    def configuration(self) -> dict[str, Any]:
        """How the run was done, with the configurations of its processors."""
        return self.manifest.configuration

    @property
    def datasets(self) -> dict[str, DatasetFacts]:
        """The facts about the datasets, by name."""
        return self.manifest.datasets

    @property
    def cutflow(self) -> Cutflows:
        """The cutflow of each processor, which shows itself as a table."""
        return Cutflows({name: results.cutflow for name, results in self.items()})

    @property
    def fits(self) -> dict[str, FitResult]:
        """The fits by processor, those that could be made."""
        found = {name: results.fit for name, results in self.items()}
        return {name: fit for name, fit in found.items() if fit is not None}

    @property
    def not_fitted(self) -> dict[str, str]:
        """Why a fit could not be made, by processor."""
        return {
            name: "; ".join(verdict.messages)
            for name, verdict in self.manifest.fits.items()
            if name in self and self[name].fit is None
        }

    def plot(self) -> dict[str, dict[str, Figure]]:
        """Returns a figure of each histogram of one or two variables, by processor and name."""
        return {name: results.plot() for name, results in self.items()}

    def __repr__(self) -> str:
        """Returns the folder, what is missing and the cutflows."""
        return f"{self._headline()}\n{self.cutflow!r}"

    def _repr_html_(self) -> str:
        lines = [self._headline(), *self.warnings]
        shown = [one for results in self.values() for one in results._parts()]
        return in_notebook(part("messages", lines), *shown)

    def _headline(self) -> str:
        read = sum(file.read for file in self.manifest.inputs)
        missing = f"; {len(self.missing)} files are missing" if self.missing else ""
        failed = f"; failed: {', '.join(self.set_apart)}" if self.set_apart else ""
        return f"Run in {self.folder}: {read} events{missing}{failed}"


def open_run(folder: str | Path) -> Run:
    """Returns the run of a results folder; no events are read.

    Args:
        folder: What `tau3mu.run` or `python -m tau3mu.run` wrote.

    Raises:
        InputError: There is no complete results folder.
    """
    folder = user_path(folder)
    manifest = manifest_in(folder)
    if manifest.status in {"incomplete", "writing"}:
        problem = "there are no results" if manifest.status == "incomplete" else "it is not written"
        message = f"the run in {folder} is not complete: {problem}; go on with --resume {folder}"
        raise InputError(message, code="results.incomplete-run", path=folder)
    names = manifest.configuration.get("processors")
    if not isinstance(names, dict):
        message = f"{folder / RUN} is damaged: configuration.processors: expected an object"
        raise InputError(message, code="results.damaged-file", path=folder / RUN)
    for name in _with_results(manifest):
        if not (folder / name).is_dir():
            message = f"{folder} is damaged: the folder {name} is missing"
            raise InputError(message, code="results.damaged-folder", path=folder / name)
    return Run(folder, manifest)


def _with_results(manifest: Manifest) -> list[str]:
    """Returns the names of the processors that were not set apart."""
    names = manifest.configuration["processors"]
    return [name for name in names if name not in manifest.set_apart]


def _slice(histogram: Hist[Any], chosen: dict[str, str]) -> Hist[Any]:
    selected: dict[int | str, Any] = dict(chosen.items())
    return cast("Hist[Any]", histogram[selected]) if chosen else histogram


def _check_known(name: str, known: Collection[str], problem: str) -> None:
    if name not in known:
        there = ", ".join(known) or "nothing"
        message = f"{problem} {name!r}{suggest(name, known)}; expected one of: {there}"
        raise UnknownNameError(message, code="results.unknown-name", path=name)


def _content(path: Path) -> Mapping[str, Any]:
    return read_document(path, "file", language="results").content
