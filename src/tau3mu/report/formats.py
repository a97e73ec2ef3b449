"""Tables in LaTeX and in Markdown: the texts of cells, and how they stand together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from tau3mu.report.pdg import pdg_rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LATEX", "MARKDOWN", "Format"]

_LATEX: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "⁻¹": "$^{-1}$", "χ²": r"$\chi^2$", "σ": r"$\sigma$", "−": "$-$", "±": r"$\pm$",
}  # fmt: skip
_LATEX_LETTERS: Final = re.compile("|".join(map(re.escape, _LATEX)))
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>|~#])")
_SPACE: Final = re.compile(r"\s+")


class Format(Protocol):
    """A language of tables."""

    def text(self, text: str) -> str:
        """Returns a text in which nothing has a meaning."""

    def measured(self, value: float, *errors: float) -> str:
        """Returns a value with its errors, rounded as the PDG does.

        Args:
            value: The value.
            errors: None, one, or two: up and down.
        """

    def table(self, title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """Returns a table.

        Args:
            title: What stands above it.
            headers: Of the columns; the first is of names, the others of numbers.
            rows: The cells, made by `text` and `measured`.
        """


class _Latex:
    def text(self, text: str) -> str:
        plain = _SPACE.sub(" ", text)
        return _LATEX_LETTERS.sub(lambda found: _LATEX[found[0]], plain)

    def measured(self, value: float, *errors: float) -> str:
        found = pdg_rounded(value, *errors)
        text = found.value
        if len(found.errors) == 2:
            up, down = found.errors
            text += f"^{{+{up}}}_{{-{down}}}"
        elif found.errors:
            text += rf" \pm {found.errors[0]}"
        if found.power:
            text = rf"({text}) \times 10^{{{found.power}}}"
        return f"${text}$"

    def table(self, title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        lines = [
            "% needs \\usepackage{booktabs}",
            r"\begin{table}[htbp]",
            r"  \centering",
            rf"  \caption{{{self.text(title)}}}",
            rf"  \begin{{tabular}}{{l{'r' * (len(headers) - 1)}}}",
            r"    \toprule",
            f"    {' & '.join(map(self.text, headers))} \\\\",
            r"    \midrule",
            *(f"    {' & '.join(row)} \\\\" for row in rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]
        return "\n".join(lines) + "\n"


class _Markdown:
    def text(self, text: str) -> str:
        return _MARKDOWN.sub(r"\\\1", _SPACE.sub(" ", text))

    def measured(self, value: float, *errors: float) -> str:
        found = pdg_rounded(value, *errors)
        text = found.value.replace("-", "−")
        if len(found.errors) == 2:
            up, down = found.errors
            text += f" +{up} −{down}"
        elif found.errors:
            text += f" ± {found.errors[0]}"
        return f"({text})e{found.power:+d}" if found.power else text

    def table(self, title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        lines = [
            f"**{self.text(title)}**",
            "",
            f"| {' | '.join(map(self.text, headers))} |",
            f"|{'|'.join([':---', *['---:'] * (len(headers) - 1)])}|",
            *(f"| {' | '.join(row)} |" for row in rows),
        ]
        return "\n".join(lines) + "\n"


LATEX: Final[Format] = _Latex()
MARKDOWN: Final[Format] = _Markdown()
