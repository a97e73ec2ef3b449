"""What a configuration file of dq_fitter says, checked before anything is made of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from tau3mu.config.input_files import read_text
from tau3mu.config.syntax import parse_json
from tau3mu.errors import InputError, suggest
from tau3mu.fit.dq.names import plain_name
from tau3mu.fit.language.base import allowed
from tau3mu.fit.language.explain import explain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SLOTS", "DqFile", "DqInput", "DqPdfs", "read_dq", "unused_keys"]

SLOTS = {
    "CB": 4,
    "CB2": 6,
    "CB2PSI2S": 6,
    "Exp": 2,
    "Gaus": 2,
    "NA60": 10,
    "Pol4Exp": 6,
    "Pt": 3,
    "RatioPol1Pol2": 3,
    "RatioPol4Exp": 11,
    "RatioVWG": 9,
    "Res": 2,
    "VWG": 3,
}
"""The pdfs of dq_fitter, and how many parameters each takes there."""

_LOOKS = "plots choose their lines and place their texts themselves"
_SWEIGHTS = "sWeights are written beside all entries, to be filled into any histogram"
_UNUSED = {
    "input.pdf_dictionary.ME_norm": "it was a tag in names of files",
    "input.pdf_dictionary.pdfStyle": _LOOKS,
    "input.pdf_dictionary.cosmeticsForAlicePlot.extraTextPos": _LOOKS,
    "input.pdf_dictionary.cosmeticsForAlicePlot.extraTextSize": _LOOKS,
    "input.pdf_dictionary.cosmeticsForAlicePlot.extraTextSpacing": _LOOKS,
    "input.pdf_dictionary.cosmeticsForAlicePlot.legendPos": _LOOKS,
    "input.pdf_dictionary.sPlot.sBins": _SWEIGHTS,
    "input.pdf_dictionary.sPlot.sPars": _SWEIGHTS,
    "input.pdf_dictionary.sPlot.sRangeMax": _SWEIGHTS,
    "input.pdf_dictionary.sPlot.sRangeMin": _SWEIGHTS,
    "input.pdf_dictionary.sPlot.sVar": _SWEIGHTS,
    "input.pdf_dictionary.sPlot.sVarName": _SWEIGHTS,
}
_ALWAYS = {  # what they ask for is made for every fit, or said when one is run
    "input.pdf_dictionary.doCorrMatPlot",
    "input.pdf_dictionary.doPullPlot",
    "input.pdf_dictionary.doPullPlotPdf",
    "input.pdf_dictionary.doResidualPlot",
    "input.pdf_dictionary.doResidualPlotPdf",
    "output",
}


def _listed(value: Any) -> Any:
    """Returns a list of what stands alone, as older files have it."""
    return [value] if isinstance(value, str | int | float) else value


def _plain(names: list[str]) -> list[str]:
    return [plain_name(name) for name in names]


_Names = Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)]
_Numbers = Annotated[list[float], Field(min_length=1), BeforeValidator(_listed)]
_Tails = Annotated[list[str | None], BeforeValidator(_listed)]
_METHODS = ("likelyhood", "likelihood", "chi2")


class _Part(BaseModel):
    """A part of the file; other keys are kept, since they are named as not used."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class DqCosmetics(_Part):
    """How the publication plot looks."""

    log_scale: bool = Field(default=False, alias="logScale")
    y_range_min: float | None = Field(default=None, alias="yRangeMin")
    y_range_max: float | None = Field(default=None, alias="yRangeMax")


class DqSPlot(_Part):
    """Whether sWeights are made."""

    run: bool = Field(default=False, alias="sRun")


class DqPdfs(_Part):
    """The model, its parameters, and how it is fitted and drawn."""

    pdf: _Names
    names: Annotated[_Names, AfterValidator(_plain)] = Field(alias="pdfName")
    legend: list[str] | None = Field(default=None, alias="pdfNameForLegend")
    colors: list[int] | None = Field(default=None, alias="pdfColor")
    values: list[list[float]] = Field(alias="parVal")
    lower: list[list[float]] = Field(alias="parLimMin")
    upper: list[list[float]] = Field(alias="parLimMax")
    parameters: list[list[str]] = Field(alias="parName")
    range_min: _Numbers = Field(alias="fitRangeMin")
    range_max: _Numbers = Field(alias="fitRangeMax")
    rebin: int = Field(1, gt=0)
    method: str | None = Field(default=None, alias="fitMethod")
    alice: bool = Field(default=False, alias="doAlicePlot")
    cosmetics: DqCosmetics = Field(DqCosmetics(), alias="cosmeticsForAlicePlot")
    printed: list[str] = Field(default_factory=list, alias="parForAlicePlot")
    symbols: list[str] = Field(default_factory=list, alias="parNameForAlicePlot")
    text: list[tuple[float, float, str]] = Field(default_factory=list)
    splot: DqSPlot = Field(DqSPlot(), alias="sPlot")


class DqInput(_Part):
    """What is fitted, and where fixed tails come from."""

    file: str = Field(alias="input_file_name")
    names: _Names = Field(alias="input_name")
    tail_file: str | None = Field(default=None, alias="tailRootFileName")
    tails: _Tails = Field(
        default_factory=list,
        alias="tailHistNames",
        validation_alias=AliasChoices("tailHistNames", "tailHistName"),
    )
    pdfs: DqPdfs = Field(alias="pdf_dictionary")


class DqFile(_Part):
    """The file."""

    input: DqInput


def read_dq(path: Path) -> DqFile:
    """Returns what a configuration of dq_fitter says.

    Raises:
        InputError: The file cannot be read, lacks a key, or its lists do not fit together.
    """
    text = read_text(path, "dq_fitter file")
    try:
        parse_json(text)
    except InputError as error:
        message = f"{path}: {error}"
        raise InputError(message) from error
    try:
        file = DqFile.model_validate_json(text)
    except ValidationError as error:
        raise InputError(explain(error, str(path))) from error
    problems = [f"{path}: input.{problem}" for problem in _problems(file.input)]
    if problems:
        raise InputError("\n".join(problems))
    return file


def unused_keys(file: DqFile) -> list[str]:
    """Returns lines that name the keys for which fit files have no place, and say why.

    Empty ones are not named, nor what is there for sWeights where none are made.
    """
    paths: dict[str, list[str]] = {}
    splot = file.input.pdfs.splot.run
    for path, value, siblings in _extra("", file):
        if path in _ALWAYS or value in ("", None) or (_UNUSED.get(path) == _SWEIGHTS and not splot):
            continue
        reason = _UNUSED.get(path) or f"{path} is unknown{suggest(path.split('.')[-1], siblings)}"
        paths.setdefault(reason, []).append(path)
    return [f"{', '.join(keys)}: not used; {reason}" for reason, keys in paths.items()]


def _extra(path: str, part: _Part) -> Iterator[tuple[str, Any, list[str]]]:
    known = [info.alias or name for name, info in type(part).model_fields.items()]
    for key, value in (part.model_extra or {}).items():
        yield path + key, value, known
    for name, info in type(part).model_fields.items():
        if isinstance(value := getattr(part, name), _Part):
            yield from _extra(f"{path}{info.alias or name}.", value)


def _problems(given: DqInput) -> Iterator[str]:
    pdfs = given.pdfs
    yield from (f"pdf_dictionary.{problem}" for problem in _wrong_pdfs(pdfs))
    if len(pdfs.range_min) != len(pdfs.range_max):
        yield (
            f"pdf_dictionary.fitRangeMax: fitRangeMin has {len(pdfs.range_min)} entries, this has "
            f"{len(pdfs.range_max)}"
        )
    for number, (low, high) in enumerate(zip(pdfs.range_min, pdfs.range_max, strict=False)):
        if low >= high:
            yield (
                f"pdf_dictionary.fitRangeMax.{number}: {high:g} is not above the lower edge {low:g}"
            )
    if pdfs.method is not None and pdfs.method not in _METHODS:
        yield (
            f"pdf_dictionary.fitMethod: unknown {pdfs.method!r}{suggest(pdfs.method, _METHODS)}; "
            f"{allowed(_METHODS)}"
        )
    if len(pdfs.printed) != len(pdfs.symbols):
        yield (
            f"pdf_dictionary.parNameForAlicePlot: parForAlicePlot has {len(pdfs.printed)} entries, "
            f"this has {len(pdfs.symbols)}"
        )


def _wrong_pdfs(pdfs: DqPdfs) -> Iterator[str]:
    if pdfs.pdf[-1] != "SUM" or len(pdfs.pdf) == 1:
        yield f"pdf: at least one pdf and at last 'SUM' belong here, not {json.dumps(pdfs.pdf)}"
        return
    number = len(pdfs.pdf)
    lists: dict[str, list[Any]] = {
        "pdfName": pdfs.names,
        "parVal": pdfs.values,
        "parLimMin": pdfs.lower,
        "parLimMax": pdfs.upper,
        "parName": pdfs.parameters,
    }
    wrong = {key: len(given) for key, given in lists.items() if len(given) != number}
    yield from (f"{key}: pdf has {number} entries, this has {n}" for key, n in wrong.items())
    if wrong:
        return
    repeated = [name for place, name in enumerate(pdfs.names) if name in pdfs.names[:place]]
    yield from (f"pdfName: {name!r} is given twice" for name in dict.fromkeys(repeated))
    for place, name in enumerate(pdfs.pdf):
        if name != "SUM" and name not in SLOTS:
            yield f"pdf.{place}: unknown {name!r}{suggest(name, SLOTS)}; {allowed(SLOTS)}"
            continue
        expected = SLOTS.get(name, number - 1)
        what = f"{name} has {expected} parameters" if name != "SUM" else f"{expected} yields belong"
        for key in ("parName", "parVal", "parLimMin", "parLimMax"):
            if len(lists[key][place]) != expected:
                yield f"{key}.{place}: {what} here, not {len(lists[key][place])}"
