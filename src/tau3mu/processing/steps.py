"""Which events each step of a processor leaves, for comparisons event by event."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from tau3mu.errors import InputError
from tau3mu.outputs.selection import Selection
from tau3mu.processing.cuts import CutProcessor
from tau3mu.processing.processor import Processor
from tau3mu.processing.recorder import Cutflow
from tau3mu.processing.survivors import Survivors
from tau3mu.processing.table import EVENT_COLUMNS, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy.typing as npt

    from tau3mu.selection import Step

__all__ = ["StepsOfEvents", "steps_name"]


def steps_name(name: str) -> str:
    """Returns the name of what records the steps of a processor.

    Args:
        name: The name of the processor.
    """
    return f"{name}.steps"


class StepsOfEvents(Processor):
    """Records of each event how many steps of another processor have left it, one after the other.

    Its candidates are all events, with `run`, `lumi`, `event` and `steps`; its cutflow is that of
    the other processor, with a row `STEP: CUT` for each cut of a step that has several, and its
    counters are the number of steps in each of the chunks, and that of the chunks. An event
    that a later step counts again, since it looks at another collection, stays lost.

    Attributes:
        of: The other processor.
    """

    def __init__(self, of: Processor) -> None:
        """Creates it.

        Args:
            of: The processor whose steps are recorded.
        """
        self.of = of  # whose columns are asked for while it is created
        super().__init__(name=steps_name(of.name))
        self.needs = of.needs

    @property
    def columns(self) -> Collection[str]:  # type: ignore[override]
        """The columns that the other processor reads, and the numbers of the events."""
        return frozenset(self.of.columns) | set(EVENT_COLUMNS)

    def select(self, events: ak.Array, cutflow: Cutflow) -> Selection:
        """Returns all events with the number of steps that have left them.

        Args:
            events: NanoEvents in the canonical view.
            cutflow: Of a pass; what the other processor records in it counts.

        Raises:
            InputError: The other processor records a cutflow of its own, so that nobody can tell
                which events its steps leave.
        """
        recorder = _Recorder(cutflow)
        selected = self.of.select(events, recorder)
        steps = _flat(recorder.steps if isinstance(selected, Table) else selected.cutflow)
        left = recorder.left
        if not isinstance(selected, Table) and isinstance(self.of, CutProcessor):
            left = self.of.events_left(events, cutflow)
        if [(one.name, one.events) for one in steps] != [(n, len(found)) for n, found in left]:
            message = (
                f"{self.of.name} records a cutflow of its own, so that nobody can tell which "
                "events its steps leave: cut with cutflow.cut and cutflow.cut_events, and return a "
                "Table"
            )
            raise InputError(message, code="processor.unknown-steps", path=self.of.name)
        return _selection(events, left, steps)


def _selection(
    events: ak.Array,
    left: Sequence[tuple[str, npt.NDArray[np.int64]]],
    steps: tuple[Step, ...],
) -> Selection:
    passed = np.zeros(len(events), np.int32)
    for number, (_, entries) in enumerate(left):
        here = np.zeros(len(events), np.bool_)
        here[entries] = True
        passed[here & (passed == number)] += 1
    columns = {
        name: ak.to_numpy(events[name], allow_missing=False).astype(kind)
        for name, kind in EVENT_COLUMNS.items()
    }
    # Whoever adds rows before these steps, such as those of certified data, can be told from them.
    counters = {"steps": len(left), "chunks": 1}
    return Selection(ak.Array({**columns, "steps": passed}), steps, counters)


def _flat(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Returns the steps with those of several cuts replaced by a row for each cut."""
    return tuple(
        row
        for one in steps
        for row in ([replace(c, name=f"{one.name}: {c.name}") for c in one.cuts] or [one])
    )


class _Recorder(Cutflow):
    """Notes after each cut which events are left, as their index in the chunk."""

    def __init__(self, cutflow: Cutflow) -> None:
        self.left: list[tuple[str, npt.NDArray[np.int64]]] = []
        super().__init__(cutflow.events, cutflow.memo, cutflow.needed, Survivors(""))

    def _keep(self, name: str, passes: npt.NDArray[np.bool_]) -> None:
        self.left.append((name, self._passing(name, passes)))
