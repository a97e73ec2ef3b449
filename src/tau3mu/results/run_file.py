"""`run.json` as it is read back: what a run came to, and of which datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tau3mu.config.documents import read_document
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DatasetFacts", "RunFile", "read_json", "read_run"]

_Model = TypeVar("_Model", bound=BaseModel)


class DatasetFacts(BaseModel):
    """What a run knew of a dataset."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    era: str | None = None
    is_mc: bool = False
    lumi: float | None = None


class RunFile(BaseModel):
    """The keys of `run.json` that something depends on; `run_record` writes them and more."""

    model_config = ConfigDict(strict=True, frozen=True)

    datasets: dict[str, DatasetFacts]
    status: Literal["writing", "fitting", "finished", "incomplete"] = "finished"
    complete: bool = False
    exit_code: Annotated[int, Field(ge=0, le=255)] | None = None
    key: str = ""

    @model_validator(mode="after")
    def _has_an_exit_code(self) -> RunFile:
        if self.status == "finished" and self.complete and self.exit_code is None:
            message = "expected an integer for a finished run, got null"
            raise InputError(message, code="results.wrong-type", path="exit_code")
        return self


def read_run(path: Path) -> RunFile:
    """Returns the content of a `run.json`.

    Raises:
        InputError: It cannot be read.
    """
    return read_json(path, RunFile)


def read_json(path: Path, model: type[_Model]) -> _Model:
    """Returns the content of a file of a results folder.

    Raises:
        InputError: It cannot be read.
    """
    return read_document(path, "record", language="results").validate(model)
