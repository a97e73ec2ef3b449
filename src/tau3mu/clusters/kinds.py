"""The kinds of clusters of a site file, and the arguments of dask's class for each.

All kinds but `scheduler` have either `workers`, a fixed number of them, or `minimum` and `maximum`,
between which their number follows the work. Arguments of dask's class that have no key of their
own are passed through by `options`.
"""

from __future__ import annotations

import re
import secrets
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from tau3mu.clusters.dask_settings import PRELOAD
from tau3mu.config.documents import Strict
from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError

__all__ = [
    "KINDS",
    "Batch",
    "Cluster",
    "Gateway",
    "HTCondor",
    "Kubernetes",
    "Local",
    "Running",
    "Slurm",
    "Tls",
    "Workers",
    "n_bytes",
    "n_seconds",
]

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([kMGT]?)(i?)B")
_TIME: Final = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOOPBACK: Final = "127.0.0.1:0"  # of dashboards: nobody else can reach them
_HOME: Final = "~/.local/state/tau3mu"


def n_bytes(size: str) -> int:
    """Returns the bytes of a size.

    Args:
        size: Such as `2 GB` or `1.5 GiB`.

    Raises:
        InputError: It is not a size.
    """
    match = _SIZE.fullmatch(size)
    if match is None:
        message = f"expected a size such as '2 GB' or '1.5 GiB', got {size!r}"
        raise InputError(message, code="site.not-a-size")
    number, prefix, binary = match.groups()
    power: int = (1024 if binary else 1000) ** " kMGT".index(prefix or " ")
    return int(float(number) * power)


def n_seconds(time: str) -> int:
    """Returns the seconds of a time.

    Args:
        time: Such as `8:00:00` or `1-12:00:00` (a day and a half).

    Raises:
        InputError: It is not a time.
    """
    match = _TIME.fullmatch(time)
    if match is None:
        message = f"expected a time such as '8:00:00' or '1-12:00:00', got {time!r}"
        raise InputError(message, code="site.not-a-time")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _is_size(value: str) -> str:
    n_bytes(value)
    return value


def _is_time(value: str) -> str:
    n_seconds(value)
    return value


def _is_variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        message = f"expected the name of an environment variable, got {value!r}"
        raise InputError(message, code="site.not-a-variable")
    return value


_Text = Annotated[str, Field(min_length=1)]
_Count = Annotated[int, Field(ge=1)]
_Size = Annotated[str, AfterValidator(_is_size)]
_Time = Annotated[str, AfterValidator(_is_time)]
_File = Annotated[Path, Field(strict=False), AfterValidator(user_path)]
_Environment = dict[Annotated[str, AfterValidator(_is_variable)], str]


class Tls(Strict):
    """The certificates by which this process is known, and those that it trusts."""

    ca_file: _File
    cert: _File
    key: _File


class Running(Strict):
    """A scheduler that runs already."""

    kind: Literal["scheduler"] = "scheduler"
    address: _Text
    tls: Tls | None = None


class Workers(Strict):
    """The number of workers, their environment, and further arguments of dask's class."""

    kind: str
    workers: _Count | None = None
    minimum: _Count | None = None
    maximum: _Count | None = None
    environment: _Environment = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_one_number(self) -> Workers:
        message = ""
        if self.workers is not None and (self.minimum or self.maximum):
            message = "'workers' is a fixed number: it excludes 'minimum' and 'maximum'"
        elif self.minimum and not self.maximum:
            message = "'minimum' needs 'maximum'"
        elif self.minimum and self.maximum and self.minimum > self.maximum:
            message = f"minimum {self.minimum} is above maximum {self.maximum}"
        if message:
            raise InputError(message, code="site.number-of-workers")
        return self

    @property
    def bounds(self) -> tuple[int, int]:
        """The fewest and the most workers: by default one to ten."""
        if self.workers is not None:
            return self.workers, self.workers
        return self.minimum or 1, self.maximum or 10

    def arguments(self) -> dict[str, Any]:
        """Returns the arguments of dask's class, or the options for a gateway.

        Raises:
            InputError: `options` has an argument that is set by a key.
        """
        merged = self._own_arguments()
        for name, value in self.options.items():
            ours = merged.get(name)
            if isinstance(ours, dict) and isinstance(value, dict):
                merged[name] = ours | value
            elif isinstance(ours, list) and isinstance(value, list):
                merged[name] = ours + value
            elif ours is None:
                merged[name] = value
            else:
                message = f"site file: options.{name} is set by a key of its own: remove it there"
                raise InputError(message, code="site.option-of-a-key", path=f"options.{name}")
        return merged

    def _own_arguments(self) -> dict[str, Any]:
        raise NotImplementedError


class Local(Workers):
    """Processes of this machine; `memory` is for each of them, `dashboard` that of Dask."""

    kind: Literal["local"] = "local"
    memory: _Size | None = None
    dashboard: bool = False

    @property
    def bounds(self) -> tuple[int, int]:
        """The fewest and the most workers: by default one per CPU that this process may use."""
        from tau3mu.cpus import usable_cpus

        if self.workers is None and self.maximum is None:
            return (usable_cpus(),) * 2
        return super().bounds

    def _own_arguments(self) -> dict[str, Any]:
        return {
            "n_workers": self.bounds[0],
            "threads_per_worker": 1,
            "dashboard_address": _LOOPBACK,
            # To import what draws its pages takes a third of a second.
            "scheduler_kwargs": {"dashboard": self.dashboard},
            "silence_logs": "ERROR",
            "preload": [PRELOAD],
            **({"env": self.environment} if self.environment else {}),
            **({"memory_limit": n_bytes(self.memory)} if self.memory else {}),
        }


class Batch(Workers):
    """Jobs of a batch system; sizes are per job, and a job has one process for each core."""

    cores: _Count = 1
    memory: _Size = "2 GB"
    walltime: _Time | None = None
    project: _Text | None = None
    prologue: list[_Text] = Field(default_factory=list)
    python: _Text | None = None
    interface: _Text | None = None
    log_directory: _File = user_path(f"{_HOME}/jobs")
    shared_temp_directory: _File = user_path(f"{_HOME}/tls")
    tls: Tls | None = None

    def _own_arguments(self) -> dict[str, Any]:
        exports = [f"export {name}={shlex.quote(v)}" for name, v in self.environment.items()]
        lifetime: list[str] = []
        if self.walltime:
            # Workers leave, and hand their work over, before the batch system kills them.
            seconds = n_seconds(self.walltime)
            lifetime = ["--lifetime", f"{round(0.9 * seconds)}s"]
            lifetime += ["--lifetime-stagger", f"{round(0.05 * seconds)}s"]
        return {
            "cores": self.cores,
            "processes": self.cores,
            "memory": f"{n_bytes(self.memory)} B",
            "job_script_prologue": exports + self.prologue,
            "log_directory": str(self.log_directory),
            "shared_temp_directory": str(self.shared_temp_directory),
            "python": self.python or sys.executable,
            "scheduler_options": {"dashboard_address": _LOOPBACK},
            "worker_extra_args": lifetime,
            "silence_logs": "ERROR",
            **({"interface": self.interface} if self.interface else {}),
        }


class HTCondor(Batch):
    """Jobs of HTCondor."""

    kind: Literal["htcondor"] = "htcondor"
    disk: _Size = "2 GB"
    job_extra_directives: dict[str, str | int | bool] = Field(default_factory=dict)

    def _own_arguments(self) -> dict[str, Any]:
        directives: dict[str, Any] = {}
        if self.project:
            directives["accounting_group"] = self.project
        if self.walltime:
            directives["allowed_job_duration"] = n_seconds(self.walltime)
        return super()._own_arguments() | {
            "disk": f"{n_bytes(self.disk)} B",
            "job_extra_directives": directives | self.job_extra_directives,
        }


class Slurm(Batch):
    """Jobs of Slurm."""

    kind: Literal["slurm"] = "slurm"
    queue: _Text | None = None
    job_extra_directives: list[_Text] = Field(default_factory=list)

    def _own_arguments(self) -> dict[str, Any]:
        given = {"queue": self.queue, "account": self.project, "walltime": self.walltime}
        own = {name: value for name, value in given.items() if value}
        directives = {"job_extra_directives": self.job_extra_directives}
        return super()._own_arguments() | own | directives


class Kubernetes(Workers):
    """Pods with one worker and one core each, started by the operator of dask-kubernetes."""

    kind: Literal["kubernetes"] = "kubernetes"
    image: _Text
    namespace: _Text | None = None
    memory: _Size = "2 GB"

    def _own_arguments(self) -> dict[str, Any]:
        resources = {"cpu": "1", "memory": str(n_bytes(self.memory))}
        return {
            "name": f"tau3mu-{secrets.token_hex(4)}",
            "image": self.image,
            "n_workers": self.bounds[0],
            "resources": {"requests": resources, "limits": resources},
            "env": self.environment,
            "worker_command": ["dask", "worker", "--nthreads", "1"],
            "quiet": True,
            **({"namespace": self.namespace} if self.namespace else {}),
        }


class Gateway(Workers):
    """A cluster that a Dask gateway starts; `options` are those that the gateway offers."""

    kind: Literal["gateway"] = "gateway"
    address: _Text | None = None
    proxy_address: _Text | None = None
    auth: Literal["basic", "jupyterhub", "kerberos"] | None = None
    image: _Text | None = None

    def _own_arguments(self) -> dict[str, Any]:
        given = {"image": self.image, "environment": self.environment}
        return {name: value for name, value in given.items() if value}


Cluster = Local | Running | HTCondor | Slurm | Kubernetes | Gateway

KINDS: dict[str, type[Cluster]] = {
    "gateway": Gateway,
    "htcondor": HTCondor,
    "kubernetes": Kubernetes,
    "local": Local,
    "scheduler": Running,
    "slurm": Slurm,
}
