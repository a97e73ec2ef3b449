"""Muon scale factors: the ratio of efficiencies in data and in simulation, leg by leg."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import awkward as ak
import numpy as np

from tau3mu.corrections.table import KEYS, MuonTable, muon_table, read_correction
from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MuonScaleFactors", "ScaleFactors"]

Outside = Literal["clamp", "unity", "error"]


@dataclass(frozen=True)
class ScaleFactors:
    """Scale factors of muons, or event weights: one value per muon or event.

    Attributes:
        nominal: The scale factor.
        up: The scale factor, shifted up by its uncertainty.
        down: The same, shifted down.
        outside: How many muons lay outside the table.
        n_total: How many muons there were in all.
    """

    nominal: npt.NDArray[np.float64]
    up: npt.NDArray[np.float64]
    down: npt.NDArray[np.float64]
    outside: npt.NDArray[np.int64]
    n_total: int

    @property
    def n_outside(self) -> int:
        """How many muons lay outside the table, all together."""
        return int(self.outside.sum())


class MuonScaleFactors:
    """Evaluates one muon table of a correction file.

    The table is binned in |η|, so the sign of η never matters. It may be of the newer form, with
    the input `scale_factors`, or of the older one. `up` and `down` are the keys `systup` and
    `systdown` of the table: the nominal value moved by the statistical and the
    systematic uncertainty, added in quadrature.

    What `outside` does with muons that the table does not cover, such as those below its first
    edge in pt:

    - `"clamp"`: the nearest bin, with twice its uncertainty;
    - `"unity"`: a scale factor of 1 without uncertainty;
    - `"error"`: an `InputError`.

    The file is read here and once; an object that goes to a worker carries its table along
    (about 10 kB for a table of the muon POG) and builds the evaluator once per process.
    """

    def __init__(
        self,
        file: str | Path,
        *,
        correction: str = "NUM_MediumID_DEN_TrackerMuons",
        outside: Outside = "clamp",
        year: str | None = None,
    ) -> None:
        """Reads and checks the table.

        Args:
            file: A correctionlib file, `.json` or `.json.gz`.
            correction: The name of the table in the file.
            outside: What to do with muons outside the table.
            year: Of a table of the older form, with the inputs `year` and `ValType`, the year,
                such as `2017_UL`; not needed if it has one alone.

        Raises:
            InputError: The file, the table or the policy is not what was expected.
        """
        if outside not in get_args(Outside):
            known = get_args(Outside)
            message = f"unknown policy outside={outside!r}{suggest(outside, known)}; known: " + (
                ", ".join(known)
            )
            raise InputError(message, code="corrections.unknown-policy", path="outside")
        self.file = str(file)
        self.correction = correction
        self.outside = outside
        self._text = read_correction(Path(file), correction, year)
        try:
            muon_table(self._text)
        except InputError as error:
            message = f"{file}: {error}"
            raise InputError(message, code=error.code, path=file) from error

    def __eq__(self, other: object) -> bool:
        """Returns whether another object gives the same scale factors."""
        return isinstance(other, MuonScaleFactors) and self._content == other._content

    def __hash__(self) -> int:
        """Returns the same number for objects that give the same scale factors."""
        return hash(self._content)

    @property
    def _content(self) -> tuple[str, str, str]:
        return self._text, self.correction, self.outside

    def __repr__(self) -> str:
        """Returns how the object was made."""
        return (
            f"MuonScaleFactors({self.file!r}, correction={self.correction!r}, "
            f"outside={self.outside!r})"
        )

    def evaluate(self, pt: Any, eta: Any) -> ScaleFactors:
        """Returns the scale factors of one leg.

        Args:
            pt: Transverse momenta in GeV, one per event, NumPy or awkward.
            eta: Pseudorapidities, signed or not.

        Raises:
            InputError: A value is missing or not finite, the lengths differ, or a muon lies
                outside the table and the policy is `"error"`.
        """
        pt, abseta = _flat("pt", pt), np.abs(_flat("eta", eta))
        if len(pt) != len(abseta):
            message = f"muon scale factors need as many pt as eta, got {len(pt)} and {len(abseta)}"
            raise InputError(message, code="corrections.lengths")
        table = muon_table(self._text)
        near_eta, near_pt = table.nearest(abseta, pt)
        outside = (near_eta != abseta) | (near_pt != pt)
        if self.outside == "error" and outside.any():
            raise InputError(
                self._outside_message(table, abseta[outside], pt[outside], len(pt)),
                code="corrections.outside",
                path=self.file,
            )
        nominal, up, down = (table.evaluate(near_eta, near_pt, key) for key in KEYS)
        if self.outside == "unity":
            nominal, up, down = (np.where(outside, 1.0, x) for x in (nominal, up, down))
        else:
            up = np.where(outside, nominal + 2 * (up - nominal), up)
            down = np.where(outside, nominal + 2 * (down - nominal), down)
        return ScaleFactors(nominal, up, down, outside.astype(np.int64), len(outside))

    def weights(self, *legs: Any) -> ScaleFactors:
        """Returns the event weights: the products over the legs, all legs shifted together.

        Args:
            legs: One collection per leg with the fields `pt` and `eta`, one muon per event,
                such as `triplet.mu1`.

        Raises:
            InputError: As for `evaluate`, or there is no leg.
        """
        if not legs:
            message = "event weights need at least one leg"
            raise InputError(message, code="corrections.no-leg")
        factors = [self.evaluate(leg["pt"], leg["eta"]) for leg in legs]
        return ScaleFactors(
            nominal=prod((leg.nominal for leg in factors[1:]), start=factors[0].nominal),
            up=prod((leg.up for leg in factors[1:]), start=factors[0].up),
            down=prod((leg.down for leg in factors[1:]), start=factors[0].down),
            outside=np.sum([leg.outside for leg in factors], axis=0),
            n_total=sum(leg.n_total for leg in factors),
        )

    def _outside_message(
        self,
        table: MuonTable,
        abseta: npt.NDArray[np.float64],
        pt: npt.NDArray[np.float64],
        total: int,
    ) -> str:
        return (
            f"{len(pt)} of {total} muons lie outside {self.correction} of {self.file}, the first "
            f"with pt {pt[0]:.4g} GeV, |eta| {abseta[0]:.4g}; the table covers pt from "
            f"{table.pt_low.min():g} to {table.pt_high.max():g} GeV, |eta| from "
            f"{table.eta_edges[0]:g} to {table.eta_edges[-1]:g}; choose outside='clamp' or 'unity' "
            "to accept such muons"
        )


def _flat(name: str, values: Any) -> npt.NDArray[np.float64]:
    try:
        flat = np.asarray(ak.to_numpy(values, allow_missing=False), dtype=np.float64)
    except ValueError as error:
        message = f"muon {name}: expected one number per event without missing values, got " + str(
            ak.type(values)
        )
        raise InputError(message, code="corrections.missing-values", path=name) from error
    if flat.ndim != 1 or not np.isfinite(flat).all():
        message = f"muon {name}: expected one finite number per event, got " + (
            f"{(~np.isfinite(flat)).sum()} that are not finite"
            if flat.ndim == 1
            else f"{flat.ndim} dimensions"
        )
        raise InputError(message, code="corrections.not-finite", path=name)
    return flat
