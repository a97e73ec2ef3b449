"""The histograms that a card of Combine names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.config.input_files import refuse_special, user_path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from tau3mu.limits.importing.card_lines import Card, Line

    Array = npt.NDArray[np.float64]

__all__ = ["CardTemplates"]


class CardTemplates:
    """Histograms by channel and process; files are opened once."""

    def __init__(self, card: Card) -> None:
        """Reads the lines that begin with `shapes`.

        Args:
            card: The card.

        Raises:
            InputError: A line is not understood, or needs a workspace.
        """
        self._folder = card.path.absolute().parent
        self._files: dict[Path, Any] = {}
        self._edges: dict[str, Array] = {}
        self._lines: dict[tuple[str, str], Line] = {}
        for line in card.shapes:
            words = line.words
            if len(words) < 4 or (len(words) < 5 and words[3] != "FAKE"):
                line.refuse("limits.wrong-length", "expected shapes PROCESS CHANNEL FILE HISTOGRAM "
                            "[HISTOGRAM_WITH_SYSTEMATIC]")  # fmt: skip
            if any(":" in word for word in words[4:]):
                line.refuse("limits.workspace", "templates in workspaces of RooFit are not "
                            "supported, expected histograms")  # fmt: skip
            if any("$MASS" in word for word in words[3:]):
                line.refuse("limits.not-supported", "$MASS is not known here: write the mass")
            self._lines[words[2], words[1]] = line

    def line(self, channel: str, process: str) -> Line | None:
        """Returns the line for a process, None if it is a bare number.

        Args:
            channel: Of the process.
            process: Its name, or `data_obs`.
        """
        for of_channel in (channel, "*"):
            for of_process in (process, "*"):
                line = self._lines.get((of_channel, of_process))
                if line is not None:
                    return None if line.words[3] == "FAKE" else line
        return None

    def counts(self, channel: str, process: str, line: Line, moved: str = "") -> Array | None:
        """Returns the entries of a histogram, None if there is no such histogram.

        Args:
            channel: Of the process.
            process: Its name, or `data_obs`.
            line: That names the histogram.
            moved: A nuisance with `Up` or `Down`, for a histogram that it moves.

        Raises:
            InputError: The file cannot be read, or the histogram is no template for the channel.
        """
        if moved and len(line.words) < 6:
            line.refuse("limits.missing-key", "histograms with systematics are needed, but the "
                        "line names none")  # fmt: skip
        name = line.words[5 if moved else 4]
        # $SYSTEMATIC is followed by Up or Down, wherever it stands in the name.
        for key, value in (("$PROCESS", process), ("$CHANNEL", channel), ("$SYSTEMATIC", moved)):
            name = name.replace(key, value)
        file = line.words[3].replace("$CHANNEL", channel).replace("$PROCESS", process)
        path = self._folder / user_path(file)
        opened = self._open(path, line)
        try:
            kind = opened.classname_of(name)
        except KeyError:
            return None
        if kind == "RooWorkspace":
            line.refuse("limits.workspace", f"{name} of {path} is a workspace of RooFit, expected "
                        "a histogram")  # fmt: skip
        if not kind.startswith("TH1"):
            line.refuse("limits.no-template", f"{name} of {path} is a {kind}, expected "
                        "a histogram with one axis")  # fmt: skip
        found = opened[name]
        edges = np.asarray(found.axis().edges(), np.float64)
        known = self._edges.setdefault(channel, edges)
        if len(known) != len(edges) or not np.allclose(known, edges):
            line.refuse("limits.wrong-length", f"the bins of {name} of {path} are not those of the "
                        f"other histograms of {channel}")  # fmt: skip
        values = np.asarray(found.values(), np.float64)
        if (values < 0).any():
            line.refuse("limits.out-of-range", f"{name} of {path} has bins below 0")
        return values

    def _open(self, path: Path, line: Line) -> Any:
        if path not in self._files:
            import uproot

            refuse_special(path)
            try:
                self._files[path] = uproot.open(path)
            except (OSError, ValueError, uproot.DeserializationError) as error:
                line.refuse("limits.unreadable", f"{path} cannot be read as a ROOT file: {error}")
        return self._files[path]
