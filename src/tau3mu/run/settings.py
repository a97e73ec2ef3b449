"""The options of a run, each declared once: for Python, for the command line and for `run.json`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tau3mu.config.documents import Document
from tau3mu.config.input_files import user_path, without_file_scheme
from tau3mu.config.problems import problems_of
from tau3mu.errors import InputError
from tau3mu.redaction import redact
from tau3mu.storage.locations import is_url

__all__ = ["CHUNK_SIZE", "Option", "Settings", "is_given", "option_of", "recordable"]

CHUNK_SIZE = 150_000
"""Default number of entries of a chunk: some 170 MB of the columns that `dsphipi` reads."""

READ, DO, HOW, FAILURES, OUT = (
    "what to read", "what to do", "how to run", "when something fails", "what comes out",
)  # fmt: skip


@dataclass(frozen=True)
class Option:
    """An option beside its type and default.

    Attributes:
        group: Under which heading the help shows it.
        help: What it does.
        metavar: Its value in the help.
        flag: Its name on the command line, where that is not the name with dashes.
        results: Whether the results or the checkpoints depend on it, so that a run that is
            resumed must have the same.
        place: Whether it says where the executor works.
        recorded: Whether `--resume` uses it again.
    """

    group: str
    help: str
    metavar: str | None = None
    flag: str = ""
    results: bool = False
    place: bool = False
    recorded: bool = True


def _list(value: Any) -> Any:
    if isinstance(value, str | os.PathLike):
        value = [value]
    return [_text(item) for item in value] if isinstance(value, list | tuple) else value


def _text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


_Texts = Annotated[list[str], BeforeValidator(_list)]
_Text = Annotated[str, BeforeValidator(_text)]
_Path = Annotated[Path, Field(strict=False), AfterValidator(user_path)]
_Positive = Annotated[int, Field(ge=1, lt=10**12)]
_Count = Annotated[int, Field(ge=0, lt=10**12)]
_Fraction = Annotated[float, Field(ge=0, lt=1)]


class Settings(BaseModel):
    """The options of a run: the keyword arguments of `tau3mu.run`, and the command line's options.

    What is None or empty has the default that its help names.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    files: Annotated[_Texts, Option(
        READ,
        "ntuples: paths, quoted globs or URLs, with :TREE at the end if the tree has an unusual "
        "name; together the dataset 'files', data without luminosity",
        "FILES", results=True,
    )] = []  # fmt: skip
    datasets: Annotated[_Texts, Option(
        READ,
        "a shipped dataset or a JSON file of datasets, with @short:0.01 at the end for the first "
        "hundredth of each file; may be repeated (default: demo)",
        "NAME-OR-FILE", "--dataset", results=True,
    )] = []  # fmt: skip
    prefix: Annotated[_Text | None, Option(
        READ, "put before the paths in the dataset files", results=True,
    )] = None  # fmt: skip
    layout: Annotated[_Text | None, Option(
        READ,
        "the layout of all files: a shipped one or a table of your own (default: that of the "
        "dataset file, or the one that fits the branches)",
        "NAME-OR-FILE.tsv", results=True,
    )] = None  # fmt: skip
    missing_triggers: Annotated[Literal["error", "not-fired"] | None, Option(
        READ,
        "a trigger for which a file has no branch: an error, or not fired in its events (default: "
        "not fired if the file has another of those asked for, else an error)",
        results=True,
    )] = None  # fmt: skip
    max_files: Annotated[_Positive | None, Option(
        READ, "use the first N files of each dataset", "N", results=True,
    )] = None  # fmt: skip
    certification: Annotated[_Path | None, Option(
        READ,
        "use only the runs and luminosity sections of data in this file: a certification JSON or a "
        "list of runs, in place of those of dataset files",
        "FILE", results=True,
    )] = None  # fmt: skip
    brilcalc: Annotated[_Path | None, Option(
        READ,
        "count the luminosity of the sections of data that are read with this CSV of brilcalc, in "
        "place of the luminosities of dataset files",
        "FILE", results=True,
    )] = None  # fmt: skip
    verify_checksum: Annotated[bool, Option(
        READ,
        "compare checksums (adler32) with those of the dataset files and of XRootD servers; "
        "other files are read in full for it",
    )] = False  # fmt: skip
    no_cache: Annotated[bool, Option(
        READ,
        "open every file for the check, whatever earlier checks have found in it (by default "
        "trusted while size and time of the file stand)",
    )] = False  # fmt: skip
    proxy: Annotated[_Path | None, Option(
        READ, "grid proxy for root:// files (default: $X509_USER_PROXY or /tmp/x509up_uUID)",
        "FILE",
    )] = None  # fmt: skip
    processors: Annotated[_Texts, Option(
        DO,
        "an installed processor or your own from a Python file; may be repeated, all then share "
        "one pass over the data (default: dsphipi)",
        "NAME-OR-FILE:CLASS", "--processor", results=True,
    )] = []  # fmt: skip
    values: Annotated[_Texts, Option(
        DO,
        "a parameter of a processor, as JSON or text, such as dsphipi.flight_significance=3; may "
        "be repeated; --list shows all",
        "PROCESSOR.KEY=VALUE", "--set", results=True,
    )] = []  # fmt: skip
    variants: Annotated[_Texts, Option(
        DO,
        "run a processor also with other parameters, under this name, such as "
        "tight:flight_significance=3; may be repeated",
        "NAME:[PROCESSOR.]KEY=VALUE,...", "--variant", results=True,
    )] = []  # fmt: skip
    fit: Annotated[_Text | None, Option(
        DO, "a shipped fit or a JSON file (default: the fit of the processor's name)",
        "NAME-OR-FILE", results=True,
    )] = None  # fmt: skip
    no_fit: Annotated[bool, Option(DO, "fit nothing", results=True)] = False
    n_minus_one: Annotated[bool, Option(
        DO,
        "also fill the N−1 and cut-by-cut distributions of processors of named cuts, such as "
        "dsphipi",
        results=True,
    )] = False  # fmt: skip
    per_run: Annotated[bool, Option(
        DO, "also keep the results of each run number of data, to add up any of them later",
        results=True,
    )] = False  # fmt: skip
    executor: Annotated[Literal["iterative", "futures", "dask"], Option(
        HOW, "in this process, in processes of this machine, or on Dask (default: iterative)",
    )] = "iterative"  # fmt: skip
    workers: Annotated[_Positive | None, Option(
        HOW,
        "processes of futures and of the local Dask cluster, at most one per chunk (default: "
        "one per CPU that this process may use)",
        "N", place=True,
    )] = None  # fmt: skip
    scheduler: Annotated[_Text | None, Option(
        HOW, "use a running Dask cluster, such as tls://host:8786, instead of a local one",
        "ADDRESS", place=True,
    )] = None  # fmt: skip
    cluster: Annotated[_Text | None, Option(
        HOW,
        "start a cluster of the site file by its name or kind: htcondor, slurm, kubernetes, "
        "gateway",
        "NAME", place=True,
    )] = None  # fmt: skip
    site: Annotated[_Path | None, Option(
        HOW, "site file, TOML or JSON (default: $TAU3MU_SITE or ~/.config/tau3mu/site.toml)",
        "FILE", place=True,
    )] = None  # fmt: skip
    insecure: Annotated[bool, Option(
        HOW,
        "accept a scheduler on the network without TLS, where others can listen and run code",
        place=True,
    )] = False  # fmt: skip
    dashboard: Annotated[bool, Option(
        HOW, "show what the workers of the local Dask cluster do on Dask's own page",
        recorded=False,
    )] = False  # fmt: skip
    performance_report: Annotated[_Path | None, Option(
        HOW, "keep Dask's report on what the workers did", "FILE.html", recorded=False,
    )] = None  # fmt: skip
    no_sharing: Annotated[bool, Option(
        HOW,
        "let each processor compute all of its cuts, also those that others have computed; the "
        "results are the same",
    )] = False  # fmt: skip
    chunk_size: Annotated[_Positive, Option(
        HOW, f"most events that are in memory at a time, per worker (default: {CHUNK_SIZE})",
        "N", results=True,
    )] = CHUNK_SIZE  # fmt: skip
    resume: Annotated[_Path | None, Option(
        FAILURES,
        "go on with the run in this folder and with the options that it recorded; how to run "
        "and what to do about failures may be given again; what is finished is not done again",
        "DIR", recorded=False,
    )] = None  # fmt: skip
    skip_bad_files: Annotated[bool, Option(
        FAILURES,
        "skip files that cannot be read, whole, and write results of the others; the exit code "
        "is 2 all the same",
    )] = False  # fmt: skip
    allow_missing: Annotated[_Fraction | None, Option(
        FAILURES,
        "with --skip-bad-files: the exit code is 0 if at most this fraction of the events is "
        "missing, such as 0.01",
        "FRACTION",
    )] = None  # fmt: skip
    retries: Annotated[_Count, Option(
        FAILURES,
        "try a chunk again up to N times after an error that may pass, such as a server that "
        "does not answer, after 1 s, 2 s, 4 s, ... (default: 2)",
        "N",
    )] = 2  # fmt: skip
    timeout: Annotated[_Positive, Option(
        FAILURES, "end the run if no chunk finishes for so long (default: 1800)", "SECONDS",
    )] = 1800  # fmt: skip
    output: Annotated[_Path | None, Option(
        OUT, "results folder, new or empty (default: results/TIME-PROCESSORS)", "DIR",
        recorded=False,
    )] = None  # fmt: skip
    skim: Annotated[_Texts, Option(
        OUT,
        "also keep the events that are left at this step of a processor, with all they hold, as "
        "input of later runs: derived/PROCESSOR_STEP in the results folder; may be repeated",
        "[PROCESSOR.]STEP", results=True,
    )] = []  # fmt: skip
    no_plots: Annotated[bool, Option(
        OUT,
        "draw no pictures; without it, those of cutflows and histograms are in PROCESSOR/plots "
        "(the same: set $TAU3MU_NO_PLOTS)",
    )] = False  # fmt: skip
    candidates: Annotated[Literal["root", "parquet"], Option(
        OUT, "format of the candidates (default: root)", results=True,
    )] = "root"  # fmt: skip

    @classmethod
    def of(cls, **given: Any) -> Settings:
        """Returns the settings of the options that are given, the others with their defaults.

        Args:
            given: The options by name; None, False and empty lists are not given.

        Raises:
            InputError: An option is not known, has a value that it cannot have, or does not go
                together with another one.
        """
        settings = cls.parsed(**given)
        settings.check()
        return settings

    @classmethod
    def parsed(cls, **given: Any) -> Settings:
        """Returns the settings like `of`, whether or not they go together.

        Args:
            given: The options by name; None, False and empty lists are not given.

        Raises:
            InputError: An option is not known or has a value that it cannot have.
        """
        content = {name: value for name, value in given.items() if is_given(value)}
        try:
            return cls(**content)
        except ValidationError as error:
            document = Document(content, "options", language="run")
            raise document.error(problems_of(error, cls, content)) from error

    def check(self) -> None:
        """Checks which options exclude or need each other.

        Raises:
            InputError: Some do not go together.
        """
        on_dask, remote = self.executor == "dask", self.cluster or self.scheduler
        local = "--workers is for a local cluster:"
        rules = (
            (self.resume and self.output, "output",
             "--resume excludes --output: it goes on in its own folder"),
            (self.prefix and not self.datasets, "prefix", "--prefix needs --dataset"),
            (self.fit and self.no_fit, "fit", "--fit and --no-fit exclude each other"),
            (self.scheduler and not on_dask, "scheduler", "--scheduler needs --executor dask"),
            (self.cluster and not on_dask, "cluster", "--cluster needs --executor dask"),
            (self.scheduler and self.cluster, "cluster",
             "--scheduler and --cluster exclude each other: one runs, the other is started"),
            (self.site and not remote, "site", "--site needs --cluster or --scheduler"),
            (self.insecure and not remote, "insecure",
             "--insecure needs --cluster or --scheduler: a local cluster is open to nobody"),
            (self.dashboard and (not on_dask or remote), "dashboard",
             "--dashboard is that of the local cluster of --executor dask; others have their own"),
            (self.performance_report and not on_dask, "performance_report",
             "--performance-report needs --executor dask"),
            (self.workers and self.executor == "iterative", "workers",
             "--workers needs --executor futures or dask"),
            (self.workers and self.scheduler, "workers",
             f"{local} it cannot change the cluster of --scheduler"),
            (self.workers and self.cluster, "workers",
             f"{local} the site file says the size of --cluster"),
            (self.allow_missing is not None and not self.skip_bad_files, "allow_missing",
             "--allow-missing needs --skip-bad-files: without it, no event may be missing"),
        )  # fmt: skip
        for broken, name, message in rules:
            if broken:
                raise InputError(message, code="run.contradicting-options", path=name)

    def recorded(self) -> dict[str, Any]:
        """Returns the options for `run.json`: with absolute paths and without secrets."""
        return {
            name: recordable(name, getattr(self, name))
            for name in type(self).model_fields
            if option_of(name).recorded
        }


def option_of(name: str) -> Option:
    """Returns how an option is declared."""
    metadata = Settings.model_fields[name].metadata
    return next(item for item in metadata if isinstance(item, Option))


def is_given(value: Any) -> bool:
    """Returns whether an option is given: neither None nor False nor an empty list."""
    return value is not None and value is not False and value != []


def recordable(name: str, value: Any) -> Any:
    """Returns the value of an option as it is recorded."""
    if isinstance(value, list):
        return [recordable(name, item) for item in value]
    if isinstance(value, Path):
        return str(value.absolute())
    return redact(_absolute(name, value)) if isinstance(value, str) else value


def _absolute(name: str, value: str) -> str:
    """Returns the value, a path made absolute, since a run may be resumed from elsewhere."""
    if name == "datasets":
        from tau3mu.datasets import shipped_datasets
        from tau3mu.datasets.short import split_view

        name, fraction = split_view(value)
        if fraction < 1:
            return f"{_absolute('datasets', name)}{value[len(name) :]}"
        is_path = name not in shipped_datasets()
        value = name
    elif name in {"files", "prefix"}:
        is_path = not is_url(without_file_scheme(value))
    elif name == "processors":  # path/to/file.py:Class
        is_path = ":" in value
    else:
        is_path = name in {"fit", "layout"} and bool(Path(value).suffix)
    return str(user_path(value).absolute()) if is_path else value
