"""The origin of derived data: which events of which parent a file stands for, and what was counted.

Each file of a skim carries it, as JSON text in an object beside the tree. So any of the files tells
its own share of the parent's cutflow, wherever it lies.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tau3mu.errors import InputError

__all__ = ["OBJECT", "Counts", "CutRecord", "Kind", "Origin", "Part", "parse_origin", "read_origin"]

OBJECT: Final = "tau3mu_origin"
"""The name of the object in a file."""

Kind = Literal["standard", "slim", "linked"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")


class Counts(_Record):
    """A row of a cutflow; the sum of the weights is that of the floats in `sumw`."""

    name: str
    events: int
    candidates: int
    sumw: tuple[float, ...] = ()
    cuts: tuple[Counts, ...] = ()


class CutRecord(_Record):
    """A cut, with the parameters that it read and what stands for the code that it ran."""

    name: str
    step: str
    parameters: dict[str, Any] = {}
    code: dict[str, str] = {}


class Part(_Record):
    """The entries [start, stop) of a file of the parent."""

    path: str
    uuid: str
    tree: str
    start: int
    stop: int


class GeneratedSums(_Record):
    """Sums of generator weights, each as floats whose exact sum it is."""

    events: int = 0
    sumw: tuple[float, ...] = ()
    sumw2: tuple[float, ...] = ()


class Origin(_Record):
    """The origin of a file of derived data.

    Attributes:
        version: Of this form.
        kind: How it was derived.
        dataset: The name of the parent dataset.
        era: That of the parent.
        is_mc: Whether the parent is simulation.
        processor: The name of the processor that selected the events.
        classes: Its class and the bases of it, the class first.
        step: The step of its cutflow that the events passed; empty for slim.
        parameters: All its parameters.
        cuts: Its cuts up to the step; None if it is not known which parameters they read.
        code: What stands for its code where the cuts are not known.
        columns: The columns that could be read when it was made.
        rows: The cutflow of the parent up to the step, for `parts`.
        parts: Of what this file holds the events that passed.
        ancestors: The keys of the derived data that the parent was, the nearest first.
        ancestor_parts: Of what the files of the parent held the events that passed, if they were
            derived data themselves.
        sections: The luminosity sections of data whose events were read for `parts`, by run; None
            if they are not known.
        generated: Of simulation, the sums of the generator weights that `parts` stand for; None if
            they are not known.
        key: A hash of all that files which belong together have in common.
        package: The version of this package.
    """

    version: Literal[1] = 1
    kind: Kind
    dataset: str
    era: str | None = None
    is_mc: bool = False
    processor: str
    classes: tuple[str, ...]
    step: str
    parameters: dict[str, Any]
    cuts: tuple[CutRecord, ...] | None
    code: dict[str, str] = {}
    columns: tuple[str, ...]
    rows: tuple[Counts, ...]
    parts: tuple[Part, ...]
    ancestors: tuple[str, ...] = ()
    ancestor_parts: tuple[Part, ...] = ()
    sections: dict[str, list[list[int]]] | None = None
    generated: GeneratedSums | None = None
    key: str
    package: str

    @property
    def text(self) -> str:
        """The JSON text."""
        return self.model_dump_json()


def read_origin(root: Any) -> str:
    """Returns the text of the origin in an open ROOT file, empty if there is none.

    Args:
        root: The root directory of the file.
    """
    return str(root[OBJECT]) if OBJECT in root else ""


def parse_origin(text: str, path: str) -> Origin:
    """Returns the origin of a file.

    Args:
        text: From `read_origin`.
        path: The file, for messages.

    Raises:
        InputError: It is damaged or from a newer version of the package.
    """
    try:
        return Origin.model_validate_json(text)
    except ValidationError as error:
        message = (
            f"{path} is derived data whose object {OBJECT} cannot be read: it is damaged or of a "
            "newer version of tau3mu; make it again"
        )
        raise InputError(message, code="derived.damaged-origin", path=path) from error
