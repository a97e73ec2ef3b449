"""The options of `python -m tau3mu.run`, and which of them exclude or need each other."""

from __future__ import annotations

import argparse

from tau3mu import __version__
from tau3mu.console.cli import Parser, path_of, text_of
from tau3mu.errors import InputError

__all__ = ["parser", "refuse_contradictions", "set_defaults"]

_DIGITS = 12

_DESCRIPTION = """\
Selects candidates in ntuples, fills histograms, fits the mass, and writes a results folder.

Without arguments it runs the control channel D_s→φ(μμ)π on the demo ntuples that ship with it."""

_EPILOG = """\
examples:
  python -m tau3mu.run
      the demo, in this process
  python -m tau3mu.run --executor dask --workers 4 'skims/Tree_PhiPi_*.root'
      your own files on a local Dask cluster
  python -m tau3mu.run --dataset dsphipi_2017 --prefix root://server//store/skims \\
      --executor dask --scheduler tls://host:8786 --output results/2017
      a shipped dataset on a cluster that runs already
  python -m tau3mu.run --processor dsphipi --processor my/analysis.py:Mine
      two analyses in one pass over the data
  python -m tau3mu.run --resume results/2017
      goes on with the run that was started with --output results/2017

when something fails:
  What may pass is tried again. A chunk is finished once: after five seconds the run keeps a
  checkpoint of each, and --resume DIR alone goes on from there with the options that the folder
  recorded, after Ctrl-C, a crash, or when a file has been repaired. What has changed since (cuts,
  configuration, corrections, files) is done again. A file that cannot be read in full is left out
  as a whole, never in part: without --skip-bad-files there are no results then.

exit codes:
  0  all events were read (or no more are missing than allowed) and every fit is valid
  1  wrong usage, bad input (nothing was written), a failed run, or an invalid fit
  2  events are missing; their files are named, with the reasons"""


def parser() -> Parser:
    """Returns the parser of the command line."""
    made = Parser("python -m tau3mu.run", _DESCRIPTION, epilog=_EPILOG)
    data = made.add_argument_group("what to read")
    data.add_argument(
        "files", nargs="*", type=text_of, metavar="FILES",
        help="ntuples: paths, quoted globs or URLs, with :TREE at the end if the tree has an "
        "unusual name; together the dataset 'files', data without luminosity",
    )  # fmt: skip
    data.add_argument(
        "--dataset", action="append", type=text_of, default=[], metavar="NAME-OR-FILE",
        help="a shipped dataset or a JSON file of datasets; may be repeated (default: demo)",
    )  # fmt: skip
    data.add_argument("--prefix", type=text_of, help="put before the paths in the dataset files")
    data.add_argument(
        "--layout", type=text_of, metavar="NAME-OR-FILE.tsv",
        help="the layout of all files: a shipped one or a table of your own (default: that of the "
        "dataset file, or the one that fits the branches)",
    )  # fmt: skip
    data.add_argument(
        "--max-files", type=_positive, metavar="N", help="use the first N files of each dataset"
    )
    data.add_argument(
        "--verify-checksum", action="store_true",
        help="compare checksums (adler32) with those of the dataset files and of XRootD servers; "
        "other files are read in full for it",
    )  # fmt: skip
    data.add_argument(
        "--proxy", type=path_of, metavar="FILE",
        help="grid proxy for root:// files (default: $X509_USER_PROXY or /tmp/x509up_uUID)",
    )  # fmt: skip
    work = made.add_argument_group("what to do")
    work.add_argument(
        "--processor", action="append", type=text_of, default=[], metavar="NAME-OR-FILE:CLASS",
        help="a shipped processor or your own from a Python file; may be repeated, all then share "
        "one pass over the data (default: dsphipi)",
    )  # fmt: skip
    work.add_argument(
        "--fit", type=text_of, metavar="NAME-OR-FILE",
        help="a shipped fit or a JSON file (default: the fit of the processor's name)",
    )  # fmt: skip
    work.add_argument("--no-fit", action="store_true", help="fit nothing")
    how = made.add_argument_group("how to run")
    how.add_argument(
        "--executor", choices=("iterative", "futures", "dask"),
        help="in this process, in processes of this machine, or on Dask (default: iterative)",
    )  # fmt: skip
    how.add_argument(
        "--workers", type=_positive, metavar="N",
        help="processes of futures and of the local Dask cluster, at most one per chunk (default: "
        "one per CPU that this process may use)",
    )  # fmt: skip
    how.add_argument(
        "--scheduler", type=text_of, metavar="ADDRESS",
        help="use a running Dask cluster, such as tls://host:8786, instead of a local one",
    )  # fmt: skip
    how.add_argument(
        "--cluster", type=text_of, metavar="NAME",
        help="start a cluster of the site file by its name or kind: htcondor, slurm, kubernetes, "
        "gateway",
    )  # fmt: skip
    how.add_argument(
        "--site", type=path_of, metavar="FILE",
        help="site file, TOML or JSON (default: $TAU3MU_SITE or ~/.config/tau3mu/site.toml)",
    )  # fmt: skip
    how.add_argument(
        "--insecure", action="store_true",
        help="accept a scheduler on the network without TLS, where others can listen and run code",
    )  # fmt: skip
    how.add_argument(
        "--performance-report", type=path_of, metavar="FILE.html",
        help="keep Dask's report on what the workers did",
    )  # fmt: skip
    how.add_argument(
        "--chunk-size", type=_positive, metavar="N",
        help="most events that are in memory at a time, per worker (default: 150000)",
    )  # fmt: skip
    _add_failures(made)
    out = made.add_argument_group("what comes out")
    out.add_argument(
        "--output", type=path_of, metavar="DIR",
        help="results folder, new or empty (default: results/TIME-PROCESSORS)",
    )  # fmt: skip
    out.add_argument(
        "--candidates", choices=("root", "parquet"),
        help="format of the candidates (default: root)",
    )  # fmt: skip
    out.add_argument(
        "--list", action="store_true", help="list what ships: processors, fits, datasets"
    )
    out.add_argument("--version", action="version", version=f"tau3mu {__version__}")
    return made


def _add_failures(parser: Parser) -> None:
    group = parser.add_argument_group("when something fails")
    group.add_argument(
        "--resume", type=path_of, metavar="DIR",
        help="go on with the run in this folder and with the options that it recorded; how to run "
        "and what to do about failures may be given again; what is finished is not done again",
    )  # fmt: skip
    group.add_argument(
        "--skip-bad-files", action="store_true",
        help="leave out files that cannot be read, whole, and write results of the others; the "
        "exit code is 2 all the same",
    )  # fmt: skip
    group.add_argument(
        "--allow-missing", type=_fraction, metavar="FRACTION",
        help="with --skip-bad-files: the exit code is 0 if at most this fraction of the events is "
        "missing, such as 0.01",
    )  # fmt: skip
    group.add_argument(
        "--retries", type=_count, metavar="N",
        help="try a chunk again up to N times after an error that may pass, such as a server that "
        "does not answer, after 1 s, 2 s, 4 s, ... (default: 2)",
    )  # fmt: skip
    group.add_argument(
        "--timeout", type=_positive, metavar="SECONDS",
        help="end the run if no chunk finishes for so long (default: 1800)",
    )  # fmt: skip


def _positive(text: str) -> int:
    if (number := _count(text, least=1)) < 1:
        message = f"expected a whole number of at least 1, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return number


def _count(text: str, least: int = 0) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        shown = repr(text) if len(text) <= 2 * _DIGITS else f"{text[:_DIGITS]!r}..."
        message = f"expected a whole number of at least {least}, below 1e{_DIGITS}, not {shown}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _fraction(text: str) -> float:
    try:
        fraction = float(text)
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction < 1:
        message = f"expected a fraction from 0 to below 1, such as 0.01, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return fraction


def set_defaults(options: argparse.Namespace) -> None:
    """Sets what is neither given nor recorded."""
    options.executor = options.executor or "iterative"
    options.candidates = options.candidates or "root"
    options.processor = options.processor or ["dsphipi"]
    options.dataset = options.dataset or ([] if options.files else ["demo"])


def refuse_contradictions(options: argparse.Namespace) -> None:
    """Checks which options exclude or need each other.

    Raises:
        InputError: Some do not go together.
    """
    on_dask = options.executor == "dask"
    rules = (
        (options.prefix and not options.dataset, "--prefix needs --dataset"),
        (options.fit and options.no_fit, "--fit and --no-fit exclude each other"),
        (options.scheduler and not on_dask, "--scheduler needs --executor dask"),
        (options.cluster and not on_dask, "--cluster needs --executor dask"),
        (
            options.scheduler and options.cluster,
            "--scheduler and --cluster exclude each other: one runs already, the other is started",
        ),
        (
            options.site and not (options.cluster or options.scheduler),
            "--site needs --cluster or --scheduler",
        ),
        (
            options.insecure and not (options.cluster or options.scheduler),
            "--insecure needs --cluster or --scheduler: a local cluster is open to nobody",
        ),
        (
            options.performance_report and not on_dask,
            "--performance-report needs --executor dask",
        ),
        (
            options.workers and options.executor in {None, "iterative"},
            "--workers needs --executor futures or dask",
        ),
        (
            options.workers and options.scheduler,
            "--workers is for a local cluster: it cannot change the cluster of --scheduler",
        ),
        (
            options.workers and options.cluster,
            "--workers is for a local cluster: the site file says the size of --cluster",
        ),
        (
            options.allow_missing is not None and not options.skip_bad_files,
            "--allow-missing needs --skip-bad-files: without it, no event may be missing",
        ),
    )
    for broken, message in rules:
        if broken:
            raise InputError(message)
