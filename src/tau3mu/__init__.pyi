from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from tau3mu import errors as errors
from tau3mu import limits as limits
from tau3mu.datasets import Dataset
from tau3mu.errors import InputError as InputError
from tau3mu.errors import RunError as RunError
from tau3mu.errors import Tau3muError as Tau3muError
from tau3mu.fit import FitModel
from tau3mu.fit import FitResult as FitResult
from tau3mu.processing import Axis as Axis
from tau3mu.processing import Processor as Processor
from tau3mu.processing import Table as Table
from tau3mu.processing import Window as Window
from tau3mu.processing import parameter as parameter
from tau3mu.processors import DsPhiPi as DsPhiPi
from tau3mu.processors import DsPhiPiNotebook as DsPhiPiNotebook
from tau3mu.run import Run as Run

__version__: str

def run(
    datasets: str | PathLike[str] | Dataset | Iterable[str | PathLike[str] | Dataset] = ...,
    processors: str | Processor | Iterable[str | Processor] = ...,
    *,
    progress: bool | None = ...,
    **options: Any,
) -> Run: ...
def open(folder: str | Path) -> Run: ...
def datasets(
    *sources: str | Path,
    prefix: str | None = ...,
    max_files: int | None = ...,
    layout: str | None = ...,
) -> list[Dataset]: ...
def events(
    source: str | Path,
    columns: Any,
    *,
    prefix: str | None = ...,
    layout: str | None = ...,
    max_events: int = ...,
) -> Any: ...
def fit(model: FitModel | str | Path, data: Any, **options: Any) -> FitResult: ...
