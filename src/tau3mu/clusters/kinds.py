"""What a site file can say about a cluster of each kind.

All kinds but `scheduler` have either `workers`, a fixed number of them, or `minimum` and `maximum`,
between which their number follows the work.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

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

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kMGT]?)(i?)B")
_TIME = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)")


def n_bytes(size: str) -> int:
    """Returns the bytes of a size such as `2 GB` or `1.5 GiB`."""
    match = _SIZE.fullmatch(size)
    if match is None:
        message = f"expected a size such as '2 GB' or '1.5 GiB', got {size!r}"
        raise InputError(message, code="site.not-a-size")
    number, prefix, binary = match.groups()
    power: int = (1024 if binary else 1000) ** " kMGT".index(prefix or " ")
    return int(float(number) * power)


def n_seconds(time: str) -> int:
    """Returns the seconds of a time such as `8:00:00` or `1-12:00:00` (a day and a half)."""
    match = _TIME.fullmatch(time)
    if match is None:
        message = f"expected a time such as '8:00:00' or '1-12:00:00', got {time!r}"
        raise InputError(message, code="site.not-a-time")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", value, re.ASCII):
        message = f"expected the name of an environment variable, got {value!r}"
        raise InputError(message, code="site.not-a-variable")
    return value


def _size(value: str) -> str:
    n_bytes(value)
    return value


def _time(value: str) -> str:
    n_seconds(value)
    return value


_Text = Annotated[str, Field(min_length=1)]
_Count = Annotated[int, Field(ge=1)]
_Size = Annotated[str, AfterValidator(_size)]
_Time = Annotated[str, AfterValidator(_time)]
_File = Annotated[Path, Field(strict=False), AfterValidator(user_path)]
_Variable = Annotated[str, AfterValidator(_variable)]
_Environment = dict[_Variable, str]


class Tls(Strict):
    """The files with which this process proves who it is and whom it trusts."""

    ca_file: _File
    cert: _File
    key: _File


class Workers(Strict):
    """How many workers there are, what is set where they run, and what dask's class gets as is."""

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
        """The fewest and the most workers: one to ten if nothing is said."""
        if self.workers is not None:
            return self.workers, self.workers
        return self.minimum or 1, self.maximum or 10


class Local(Workers):
    """Processes of this machine; `memory` is for each of them."""

    kind: Literal["local"] = "local"
    memory: _Size | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        """As many as this process has CPUs if nothing is said."""
        from tau3mu.cpus import usable_cpus

        if self.workers is None and self.maximum is None:
            return (usable_cpus(),) * 2
        return super().bounds


class Running(Strict):
    """A scheduler that runs already."""

    kind: Literal["scheduler"] = "scheduler"
    address: _Text
    tls: Tls | None = None


class Batch(Workers):
    """Jobs of a batch system; sizes are per job, and a job has one process for each core."""

    cores: _Count = 1
    memory: _Size = "2 GB"
    walltime: _Time | None = None
    project: _Text | None = None
    prologue: list[_Text] = Field(default_factory=list)
    python: _Text | None = None
    interface: _Text | None = None
    log_directory: _File = user_path("~/.local/state/tau3mu/jobs")
    shared_temp_directory: _File = user_path("~/.local/state/tau3mu/tls")
    tls: Tls | None = None


class HTCondor(Batch):
    """Jobs of HTCondor."""

    kind: Literal["htcondor"] = "htcondor"
    disk: _Size = "2 GB"
    job_extra_directives: dict[str, str | int | bool] = Field(default_factory=dict)


class Slurm(Batch):
    """Jobs of Slurm."""

    kind: Literal["slurm"] = "slurm"
    queue: _Text | None = None
    job_extra_directives: list[_Text] = Field(default_factory=list)


class Kubernetes(Workers):
    """Pods with one worker and one core each, started by the operator of dask-kubernetes."""

    kind: Literal["kubernetes"] = "kubernetes"
    image: _Text
    namespace: _Text | None = None
    memory: _Size = "2 GB"


class Gateway(Workers):
    """A cluster that a Dask gateway starts; `options` are those that the gateway offers."""

    kind: Literal["gateway"] = "gateway"
    address: _Text | None = None
    proxy_address: _Text | None = None
    auth: Literal["basic", "jupyterhub", "kerberos"] | None = None
    image: _Text | None = None


Cluster = Local | Running | HTCondor | Slurm | Kubernetes | Gateway

KINDS: dict[str, type[Cluster]] = {
    "gateway": Gateway,
    "htcondor": HTCondor,
    "kubernetes": Kubernetes,
    "local": Local,
    "scheduler": Running,
    "slurm": Slurm,
}
