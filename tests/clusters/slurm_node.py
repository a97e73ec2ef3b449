"""A Slurm of one node on this machine, with munge, controller and node daemon as real processes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAMS = ("munged", "mungekey", "sbatch", "scancel", "sinfo", "slurmctld", "slurmd")

_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmctldPort={controller}
SlurmdPort={node}
MpiDefault=none
SchedulerParameters=sched_interval=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000 State=UNKNOWN
PartitionName=short Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Returns why Slurm cannot run here, or an empty text."""
    if missing := [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]:
        return f"not installed: {', '.join(missing)}"
    return "" if os.geteuid() == 0 else "Slurm's node daemon needs root"


@contextmanager
def slurm_node(folder: Path) -> Iterator[dict[str, str]]:
    """Runs Slurm; gives the environment in which its commands find it."""
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "state").mkdir()
    host = socket.gethostname().partition(".")[0]
    file = folder / "slurm.conf"
    file.write_text(
        _CONFIGURATION.format(
            host=host, folder=folder, cpus=os.cpu_count(), controller=_port(), node=_port()
        )
    )
    environment = {"SLURM_CONF": str(file), "PATH": _path()}
    _run(["mungekey", "-c", "-k", str(folder / "munge.key")], environment)
    munge = ["munged", "-F", "--force", "--key-file", str(folder / "munge.key"), "--num-threads=2",
             "--socket", str(folder / "munge.socket"), "--pid-file", str(folder / "munge.pid"),
             "--seed-file", str(folder / "munge.seed"),
             "--log-file", str(folder / "munge.log")]  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(_process(munge, environment, folder / "munge.out"))
        _wait((folder / "munge.socket").exists, folder)
        stack.enter_context(_process(["slurmctld", "-D"], environment, folder / "controller.log"))
        stack.enter_context(_process(["slurmd", "-D"], environment, folder / "node.log"))
        sinfo = ["sinfo", "--noheader", "-o", "%t"]
        _wait(lambda: _run(sinfo, environment, check=False).strip() == "idle", folder)
        yield environment


@contextmanager
def _process(words: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _run(words: list[str], environment: dict[str, str], *, check: bool = True) -> str:
    return subprocess.run(
        words, env={**os.environ, **environment}, capture_output=True, text=True, check=check
    ).stdout


def _wait(ready, folder: Path) -> None:
    deadline = time.monotonic() + 30
    while not ready():
        logs = "\n".join(path.read_text() for path in folder.glob("*.log"))
        assert time.monotonic() < deadline, logs
        time.sleep(0.2)


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number
