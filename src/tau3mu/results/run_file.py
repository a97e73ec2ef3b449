"""`run.json` as it is read back: what a run came to, and of which datasets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tau3mu.config.input_files import read_text
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

__all__ = ["DatasetFacts", "RunFile", "read_json", "read_run"]

_Model = TypeVar("_Model", bound=BaseModel)
_MOST, _SHOWN = 5, 60


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
            message = "exit_code: a finished run has a whole number, not null"
            raise ValueError(message)
        return self


def read_run(path: Path) -> RunFile:
    """Returns the content of a `run.json`.

    Raises:
        InputError: It cannot be read; the message names the keys that are wrong.
    """
    return read_json(path, RunFile)


def read_json(path: Path, model: type[_Model]) -> _Model:
    """Returns the content of a file of a results folder.

    Raises:
        InputError: It cannot be read; the message names the keys that are wrong.
    """
    text = read_text(path, "record")
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        problems = "; ".join(_line(detail) for detail in error.errors()[:_MOST])
        message = f"{path} is damaged: {problems}"
        raise InputError(message) from error


def _line(detail: ErrorDetails) -> str:
    message, where = detail["msg"], ".".join(map(str, detail["loc"]))
    problem = message.removeprefix("Value error, ").replace("Input should be", "expected")
    if message != problem and where:
        problem += f", got {json.dumps(detail['input'], default=repr)[:_SHOWN]}"
    return f"{where}: {problem}" if where else problem
