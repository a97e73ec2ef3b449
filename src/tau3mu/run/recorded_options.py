"""The options of a run as its folder records them, for `--resume DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tau3mu.config.input_files import user_path, without_file_scheme
from tau3mu.redaction import redact
from tau3mu.storage.locations import is_url

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RunOptions"]

_Positive = Annotated[int, Field(gt=0)]


class RunOptions(BaseModel):
    """The options by which a run can be made again, with absolute paths and without secrets."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    files: list[str]
    dataset: list[str]
    prefix: str | None
    layout: str | None
    max_files: _Positive | None
    processor: list[str]
    fit: str | None
    no_fit: bool
    chunk_size: _Positive
    candidates: Literal["root", "parquet"]
    executor: Literal["iterative", "futures", "dask"]
    workers: _Positive | None
    scheduler: str | None
    cluster: str | None
    site: str | None
    insecure: bool
    proxy: str | None
    verify_checksum: bool
    skip_bad_files: bool
    allow_missing: Annotated[float, Field(ge=0, lt=1)] | None
    retries: Annotated[int, Field(ge=0)] | None
    timeout: _Positive | None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> RunOptions:
        """Returns the options of a command line, given by their names."""
        return cls(**{name: recordable(name, given[name]) for name in cls.model_fields})


def recordable(name: str, value: Any) -> Any:
    """Returns the value of an option as it is recorded."""
    if isinstance(value, list):
        return [recordable(name, item) for item in value]
    if isinstance(value, Path):
        return str(value.absolute())
    return redact(_absolute(name, value)) if isinstance(value, str) else value


def _absolute(name: str, value: str) -> str:
    """Returns the value, a path made absolute, since a run may be resumed from elsewhere."""
    if name == "dataset":
        from tau3mu.datasets import shipped_datasets

        is_path = value not in shipped_datasets()
    elif name in {"files", "prefix"}:
        is_path = not is_url(without_file_scheme(value))
    elif name == "processor":  # path/to/file.py:Class
        is_path = ":" in value
    else:
        is_path = name in {"fit", "layout"} and bool(Path(value).suffix)
    return str(user_path(value).absolute()) if is_path else value
