"""The file that describes a search: its datasets, constants and settings."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from tau3mu.config.documents import Strict, read_document
from tau3mu.config.input_files import user_path
from tau3mu.datasets.loading import shipped_datasets
from tau3mu.errors import InputError, suggest
from tau3mu.fit.language.files import shipped_fits

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Constant", "SearchConfig", "constants_of", "load_config"]

_CONSTANTS: Final = "normalization.json"
_NOT_FRACTIONS: Final = {"d_plus", "b_s"}
Origin = Literal["ds", "bplus", "bzero"]


class Constant(Strict):
    """A number of the normalization."""

    value: Annotated[float, Field(gt=0)]
    relative_uncertainty: Annotated[float, Field(ge=0, lt=1)] = 0.0
    text: str = ""
    source: str = ""


class Control(Strict):
    """The control channel D_s→φ(μμ)π.

    Attributes:
        datasets: The dataset file of its data and simulation.
        simulation: The name of the simulated dataset, in which each event has a D_s.
        fit: The fit of its mass; the shipped one of `dsphipi` by default.
        yield_parameter: The yield of the fit that is the number of D_s, or its component.
        parameters: Of the processor, where they are not the defaults.
    """

    datasets: str
    simulation: str
    fit: str | None = None
    yield_parameter: str = "nDs"
    parameters: dict[str, Any] = Field(default_factory=dict)


class Signal(Strict):
    """The search channel.

    Attributes:
        datasets: The dataset file of its data and simulation.
        simulation: The simulated datasets by what their τ come from.
        parameters: Of the processor, where they are not the defaults.
    """

    datasets: str
    simulation: Annotated[dict[Origin, str], Field(min_length=1)]
    parameters: dict[str, Any] = Field(default_factory=dict)


class TrainingSettings(Strict):
    """How the discriminant is trained."""

    trees: Annotated[int, Field(ge=1, le=5000)] = 200
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    seed: Annotated[int, Field(ge=0)] = 1


class SearchConfig(Strict):
    """A search.

    Attributes:
        schema_version: Of the file.
        title: Of the search.
        control: The control channel.
        search: The search channel.
        constants: Those that differ from the shipped ones.
        training: How the discriminant is trained.
        bins: Of the score in each category of the mass resolution.
        branching_fraction: The B(τ→3μ) that r = 1 stands for.
        cl: The confidence level.
    """

    schema_version: Literal[1]
    title: str = "Search for τ→3μ"
    control: Control
    search: Signal
    constants: dict[str, Constant] = Field(default_factory=dict)
    training: TrainingSettings = TrainingSettings()
    bins: Annotated[int, Field(ge=1, le=5)] = 2
    branching_fraction: Annotated[float, Field(gt=0, lt=1)] = 1e-7
    cl: Annotated[float, Field(gt=0.5, lt=1)] = 0.9


def load_config(path: str | Path) -> SearchConfig:
    """Returns the search that a file describes; its paths start from the folder of the file.

    Args:
        path: The file, JSON or YAML.

    Raises:
        InputError: It cannot be read, or something is wrong with it.
    """
    file = user_path(path)
    config = read_document(file, "search file", language="search").validate(SearchConfig)
    folder = file.absolute().parent
    control, signal = config.control, config.search
    known = _shipped()
    if unknown := sorted(config.constants.keys() - known.keys()):
        message = (
            f"{file}: unknown constant {unknown[0]!r}{suggest(unknown[0], known)}; known: "
            f"{', '.join(known)}"
        )
        raise InputError(message, code="search.unknown-constant", path=f"constants.{unknown[0]}")
    for name, one in config.constants.items():
        if one.value > 1 and name not in _NOT_FRACTIONS:
            message = (
                f"{file}: constants.{name}.value: expected a fraction, at most 1, got {one.value:g}"
            )
            raise InputError(message, code="search.out-of-range", path=f"constants.{name}.value")
    return config.model_copy(
        update={
            "control": control.model_copy(
                update={
                    "datasets": _beside(folder, control.datasets, shipped_datasets()),
                    "fit": control.fit and _beside(folder, control.fit, shipped_fits()),
                }
            ),
            "search": signal.model_copy(
                update={"datasets": _beside(folder, signal.datasets, shipped_datasets())}
            ),
        }
    )


def constants_of(config: SearchConfig) -> dict[str, Constant]:
    """Returns the constants of the normalization, the shipped ones where the file has no others.

    Args:
        config: The search.
    """
    return _shipped() | config.constants


def _shipped() -> dict[str, Constant]:
    path = Path(str(files("tau3mu.data") / _CONSTANTS))
    content = read_document(path, "constants", language="search").content
    return {name: Constant.model_validate(one) for name, one in content.items()}


def _beside(folder: Path, text: str, shipped: Collection[str]) -> str:
    return text if "://" in text or text in shipped else str(folder / user_path(text))
