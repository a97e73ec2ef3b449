"""A limit with all that is needed to make it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from tau3mu.storage.files import json_text, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.limits.asymptotic import Asymptotic
    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.language.model import Strength
    from tau3mu.limits.toys import ToyLimits

__all__ = ["FILE", "LimitResult"]

FILE = "limits.json"


@dataclass(frozen=True, repr=False)
class LimitResult:
    """Expected and observed upper limits of r.

    Attributes:
        compiled: The model as numbers.
        asymptotic: The asymptotic limits.
        toys: Those by toys, if they were asked for.
        hash: Of the model and the data that were read.
        warnings: What is odd about them.
        unblinded: Who read the signal windows of which channels and when; None if nobody did.
        provenance: How it was made.
    """

    compiled: Compiled
    asymptotic: Asymptotic
    toys: ToyLimits | None = None
    hash: str = ""
    warnings: tuple[str, ...] = ()
    unblinded: dict[str, Any] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def cl(self) -> float:
        """The confidence level."""
        return self.asymptotic.cl

    @property
    def expected(self) -> dict[int, float]:
        """The expected limits of r by quantile: by toys where they were made."""
        if self.toys is not None:
            return {name: limit for name, (limit, _) in self.toys.expected.items()}
        return self.asymptotic.expected

    @property
    def observed(self) -> float | None:
        """The observed limit of r, None while blind."""
        if self.toys is not None and self.toys.observed is not None:
            return self.toys.observed[0]
        return self.asymptotic.observed

    @property
    def data(self) -> str:
        """What the data of the observed limit are: `observed`, or made with a signal."""
        made = self.compiled.injected
        if made is None:
            return "observed"
        return f"{'Asimov' if made['seed'] is None else 'toy'}, r = {made['r']:.4g}"

    def rows(self) -> list[tuple[str, float, tuple[float, float] | None]]:
        """Returns the rows of a table: names, asymptotic limits, and those by toys with errors."""
        toys = self.toys
        found = [
            ("expected, median" if n == 0 else f"expected, {n:+d} σ", value,
             None if toys is None else toys.expected[n])
            for n, value in self.asymptotic.expected.items()
        ]  # fmt: skip
        if self.asymptotic.observed is not None:
            by_toys = None if toys is None else toys.observed
            found.append((self.data, self.asymptotic.observed, by_toys))
        return found

    def __str__(self) -> str:
        """Returns the expected limit and, if it is there, the observed one."""
        strength = self.strength
        text = f"expected {strength.label} < {self.expected[0] * strength.scale:.3g}"
        if self.observed is not None:
            text += f", {self.data}: < {self.observed * strength.scale:.3g}"
        return f"{text} at {100 * self.cl:g} % CL"

    def __repr__(self) -> str:
        """Returns the limits, without the arrays that they follow from."""
        return f"LimitResult({self})"

    def _repr_html_(self) -> str:
        """Returns the table of limits, for a notebook."""
        strength, toys = self.strength, self.toys
        names = ["", "r", strength.label, *(["r by toys"] if toys else [])]
        head = "".join(f"<th>{escape(one)}</th>" for one in names)
        rows = []
        for name, value, by_toys in self.rows():
            cells = [escape(name), f"{value:.4g}", f"{value * strength.scale:.3g}"]
            if toys:
                cells.append("" if by_toys is None else f"{by_toys[0]:.4g} ± {by_toys[1]:.2g}")
            rows.append("<tr>" + "".join(f"<td>{one}</td>" for one in cells) + "</tr>")
        notes = [] if self.unblinded else ["Blind: no data in the signal windows were read"]
        notes += [f"Warning: {one}" for one in self.warnings]
        below = "".join(f"<p>{escape(one)}</p>" for one in notes)
        title = escape(f"Upper limits at {100 * self.cl:g} % CL, r = 1 is {strength.unit}")
        return (
            f"<table><caption>{title}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table>{below}"
        )

    @property
    def background(self) -> dict[str, str]:
        """Where the background of the expected limits comes from, by channel.

        `sidebands`, `all data` with the signal windows (a fit with r = 0), `injected data`,
        `count`, or `model`.
        """
        made = self.compiled
        if made.injected:
            return dict.fromkeys(made.model.channels, "injected data")

        def source(name: str) -> str:
            channel, one = made.model.channels[name], made.found.get(name)
            if getattr(channel, "observed", None) is not None and made.observed is not None:
                return "all data"
            if one is not None and one.total is not None:
                return "count"
            if one is None or not (name in made.sidebands or made.observed is not None):
                return "model"
            return "sidebands" if one.sidebands else "all data"

        return {name: source(name) for name in made.model.channels}

    @property
    def options(self) -> dict[str, Any]:
        """The options with which `model.json` gives the same numbers."""
        injected, toys = self.compiled.injected, self.toys
        seed = injected["seed"] if injected else None
        return {
            "cl": self.cl,
            "observed": self.unblinded is not None,
            "inject": injected["r"] if injected else None,
            "toys": toys.toys if toys else 0,
            "seed": toys.seed if toys and not (injected and seed is None) else seed,
        }

    @property
    def strength(self) -> Strength:
        """What r stands for."""
        return self.compiled.model.strength

    def described(self) -> dict[str, Any]:
        """Returns what `limits.json` says of the model."""
        return {
            "title": self.compiled.model.title,
            "strength": self.strength.model_dump(),
            "channels": list(self.compiled.likelihood.names),
        }

    def to_dict(self) -> dict[str, Any]:
        """Returns the content of `limits.json`."""
        asymptotic = self.asymptotic
        content: dict[str, Any] = {
            "schema_version": 1,
            **self.described(),
            "cl": asymptotic.cl,
            "expected": {str(n): limit for n, limit in asymptotic.expected.items()},
            "observed": asymptotic.observed,
            "best": asymptotic.best,
            "toys": None,
            "options": self.options,
            "background": self.background,
            "injected": self.compiled.injected,
            "unblinded": self.unblinded,
            "warnings": list(self.warnings),
            "hash": self.hash,
            **self.provenance,
        }
        if (toys := self.toys) is not None:
            content["toys"] = {
                "expected": {str(n): limit for n, (limit, _) in toys.expected.items()},
                "errors": {str(n): error for n, (_, error) in toys.expected.items()},
                "observed": toys.observed and toys.observed[0],
                "observed_error": toys.observed and toys.observed[1],
                "r": toys.r.tolist(),
                "cls": {name: values.tolist() for name, values in toys.cls.items()},
                "number": toys.toys,
                "failures": toys.failures,
                "seed": toys.seed,
                "stop": toys.stop,
                "recipe": toys.recipe,
            }
        return content

    def save(self, folder: Path) -> None:
        """Writes `limits.json`, and `model.json` with the model of the chosen channels.

        Args:
            folder: That exists.

        Raises:
            RunError: It cannot be written.
        """
        self.save_model(folder)
        write_text(folder / FILE, json_text(self.to_dict()))

    def save_model(self, folder: Path) -> None:
        """Writes `model.json`.

        Args:
            folder: That exists.
        """
        model = self.compiled.model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        write_text(folder / "model.json", json_text(model))
