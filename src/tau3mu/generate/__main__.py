"""The command line `python -m tau3mu.generate`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, run_main
from tau3mu.cpus import usable_cpus
from tau3mu.generate.files import COMPRESSIONS, luminosity, plan_files, write_files

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Writes toy ntuples of the D_s→φ(μμ)π control channel: all branches of the skims with their
quirks (padded candidates, sentinels, branches of other lengths), and mass peaks of D_s and D⁺
over combinatorial background; or those of the search for τ→3μ. Equal options give equal content,
whatever --workers is.
"""
_EPILOG = """\
examples:
  python -m tau3mu.generate toys --events 20000
      toys/Tree_PhiPi_1.root, some 200 of its events pass the selection
  python -m tau3mu.generate toys --events 5000 --simulation
      toys/Tree_PhiPi_MC_1.root, a D_s in each event, one in seven passes the selection
  python -m tau3mu.generate toys --events 125000 --files 8 --workers 2 --layout nano
      a million events as flat NanoAOD-like trees, for scaling studies
  python -m tau3mu.generate toys --layout t3m_tau --events 50000 --branching-fraction 1e-6
      toys/TreeData_1.root, 1 fb⁻¹ of the search with some signal
  python -m tau3mu.generate toys --layout t3m_tau --events 20000 --simulation --origin bplus
      toys/TreeMC_bplus_1.root, a τ→3μ of a B⁺ in each event
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code of the command line: 0, or 1 for wrong usage or failure.

    Args:
        arguments: Those of the command line by default.
    """
    options = _parser().parse_args(arguments)
    return run_main(_generate, options)


def _parser() -> Parser:
    parser = Parser("python -m tau3mu.generate", description=_DESCRIPTION, epilog=_EPILOG)
    add = parser.add_argument
    add("directory", metavar="OUTDIR", help="where to write; created if need be")
    add("--events", type=int, default=10_000, metavar="N", help="events per file (default 10000)")
    add("--files", type=int, default=1, metavar="M", help="number of files (default 1)")
    add(
        "--layout",
        default="t3m",
        metavar="NAME",
        help="t3m: lists per event in an RNTuple, as the skims name them; nano: the same as "
        "NanoAOD-like counted arrays in a TTree; t3m_tau: the skim of the search (default t3m)",
    )
    add(
        "--simulation",
        action="store_true",
        help="simulated signal, with generated particles and pileup, rather than data",
    )
    add(
        "--origin",
        default="ds",
        metavar="MESON",
        help="of the τ in simulation of the search: ds, bplus or bzero (default ds)",
    )
    add(
        "--branching-fraction",
        type=float,
        default=0.0,
        metavar="B",
        help="B(τ→3μ) in data of the search (default 0)",
    )
    add("--seed", type=int, default=1, metavar="S", help="another seed, other events (default 1)")
    add("--workers", type=int, metavar="N", help="processes, a file each (default one per CPU)")
    add(
        "--compression",
        default="zstd",
        metavar="NAME",
        help=f"{', '.join(COMPRESSIONS)}, at level 1 (default zstd)",
    )
    return parser


def _generate(options: Namespace) -> int:
    from rich.progress import Progress

    from tau3mu.console.terminal import PlainConsole

    given = {name: value for name, value in vars(options).items() if name != "workers"}
    plans = plan_files(**given)
    events = sum(plan.events for plan in plans)
    start = time.perf_counter()
    workers = usable_cpus() if options.workers is None else options.workers
    steps = write_files(plans, workers=workers)
    with Progress(console=PlainConsole(stderr=True), transient=True) as progress:
        task = progress.add_task("events", total=events)
        for written in steps:
            progress.advance(task, written)
    seconds = time.perf_counter() - start
    size = sum(plan.path.stat().st_size for plan in plans)
    console = PlainConsole(soft_wrap=True, highlight=False)
    console.print(
        f"{options.directory}: {len(plans)} files, {events} events, {size / 1e6:.1f} MB, "
        f"{events / seconds:.0f} events/s"
    )
    if not options.simulation:
        console.print(f"Luminosity: {luminosity(options.layout, events):.4g} fb⁻¹")
    return 0


if __name__ == "__main__":
    sys.exit(main())
