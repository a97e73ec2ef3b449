"""What a run is asked to derive beside its results."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tau3mu.errors import InputError, suggest
from tau3mu.processing.survivors import Survivors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tau3mu.datasets.generated import Generated
    from tau3mu.datasets.origin import Kind
    from tau3mu.processing import Processor

__all__ = ["SLIM_MB", "SkimJob", "SkimRequest", "parse_skims"]

SLIM_MB: Final = 4000.0
"""The size in MB beyond which the candidates of a processor are not slim."""

_KINDS: Final = ("standard", "slim", "linked")
_NAME: Final = re.compile(r"\w[\w.-]{0,199}")


@dataclass(frozen=True)
class SkimRequest:
    """Data that are to be derived by a processor of a run.

    Attributes:
        kind: `standard`: the events that are left at a step, with all their objects; `linked`: only
            where these events are in the parent; `slim`: the selected candidates in one file.
        at: The step of the cutflow; none for slim.
        name: The name of the derived data and of their folder; by default those of processor and
            step.
        max_mb: The largest size of slim data in MB.
        format: The format of slim data, `root` or `parquet`.

    Raises:
        InputError: The kind or the name cannot be, or there is a step for slim or none for others.
    """

    kind: Kind = "standard"
    at: str = ""
    name: str = ""
    max_mb: float = SLIM_MB
    format: str = "root"

    def __post_init__(self) -> None:
        """Checks that the values go together."""
        if self.kind not in _KINDS:
            message = f"kind {self.kind!r}{suggest(self.kind, _KINDS)}; known: {', '.join(_KINDS)}"
            raise InputError(message, code="derived.unknown-kind", path="kind")
        if bool(self.at) == (self.kind == "slim"):
            expected = "none: slim data are of all cuts" if self.at else "the name of a step"
            message = f"a skim of kind {self.kind} is asked for at {self.at!r}, expected {expected}"
            raise InputError(message, code="derived.bad-step", path="at")
        if self.name and not _NAME.fullmatch(self.name):
            message = f"derived data cannot be called {self.name!r}: use letters, digits and _.-"
            raise InputError(message, code="derived.bad-name", path="name")
        if self.format not in {"root", "parquet"}:
            message = f"format {self.format!r}; expected root or parquet"
            raise InputError(message, code="derived.unknown-format", path="format")
        if not self.max_mb > 0:
            message = f"a largest size of {self.max_mb} MB; expected more than 0"
            raise InputError(message, code="derived.bad-size", path="max_mb")

    def named(self, processor: str) -> str:
        """Returns the name of the derived data.

        Args:
            processor: The name of the processor.
        """
        return self.name or f"{processor}_{self.at or self.kind}"


@dataclass(frozen=True)
class SkimJob:
    """What workers need to know to write the parts of a skim.

    Attributes:
        name: The name of the derived data.
        kind: `standard` or `linked`.
        processor: The name of the processor.
        step: The step of its cutflow.
        folder: The absolute path of the folder of the parts, which all workers have to see.
        key: A hash of all that the parts depend on beside their chunk.
        columns: The columns that all processors of the pass read.
        code: What stands for the methods of the processor.
        origins: Of files that are derived data themselves, the text of their origin, by dataset
            and path.
        generated: Of files that hold them, the sums of their generator weights, likewise.
    """

    name: str
    kind: Kind
    processor: str
    step: str
    folder: str
    key: str
    columns: tuple[str, ...]
    code: Mapping[str, str]
    origins: Mapping[tuple[str, str], str]
    generated: Mapping[tuple[str, str], Generated] = field(default_factory=dict)

    def survivors(self) -> Survivors:
        """Returns what a processor tells the events of the step."""
        return Survivors(self.step)


def parse_skims(texts: Iterable[str], processors: Sequence[Processor]) -> dict[str, SkimRequest]:
    """Returns the standard skims of `--skim STEP` and `--skim PROCESSOR.STEP`, by processor.

    Args:
        texts: The values of the option.
        processors: Those of the run.

    Raises:
        InputError: There is no such processor, it is not clear which is meant, or two skims of one
            processor are asked for.
    """
    names = [processor.name for processor in processors]
    found: dict[str, SkimRequest] = {}
    for text in texts:
        owners = [name for name in names if text.startswith(f"{name}.")]
        owner, step = "", text
        if owners:
            owner = max(owners, key=len)
            step = text[len(owner) + 1 :]
        elif len(names) == 1:
            owner = names[0]
        else:
            message = (
                f"--skim {text}: which processor is meant? Write PROCESSOR.STEP; the run has "
                f"{', '.join(names)}"
            )
            raise InputError(message, code="derived.which-processor", path="skim")
        if owner in found:
            message = f"--skim {text}: a skim of {owner} is asked for already"
            raise InputError(message, code="derived.two-skims", path="skim")
        found[owner] = SkimRequest(at=step)
    return found
