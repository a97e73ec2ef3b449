"""The configuration file of dq_fitter, checked before anything is made of it."""

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
)

from tau3mu.config.documents import read_document
from tau3mu.errors import suggest
from tau3mu.fit.dq.names import plain_name
from tau3mu.fit.language.base import allowed, problem
from tau3mu.fit.pdfs.dimuon import DIMUON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tau3mu.config.documents import Document
    from tau3mu.config.problems import Problem

__all__ = ["DqFile", "DqInput", "DqPdfs", "read_dq", "unused_keys"]

_SCALES = {"Exp": 1, "Pol4Exp": 1, "RatioPol4Exp": 2, "RatioVWG": 2}
# The pdfs of dq_fitter, and how many parameters each takes there: it has scales that ours lack.
_SLOTS = {
    pdf.name: len(pdf.parameters) + _SCALES.get(pdf.name, 0)
    for pdf in sorted(DIMUON, key=lambda pdf: pdf.name)
    if pdf.name != "PowerTails"
}
_METHODS = ("likelyhood", "likelihood", "chi2")
_PDFS = "input.pdf_dictionary"
_SWEIGHTS = "sWeights are written beside all entries, to be filled into any histogram"
_LOOKS = "plots choose their lines and place their texts themselves"
_UNUSED = {
    f"{_PDFS}.ME_norm": "it was a tag in names of files",
    f"{_PDFS}.pdfStyle": _LOOKS,
    **{
        f"{_PDFS}.cosmeticsForAlicePlot.{key}": _LOOKS
        for key in ("extraTextPos", "extraTextSize", "extraTextSpacing", "legendPos")
    },
    **{
        f"{_PDFS}.sPlot.{key}": _SWEIGHTS
        for key in ("sBins", "sPars", "sRangeMax", "sRangeMin", "sVar", "sVarName")
    },
}
# What these ask for is made for every fit, or given when one is run.
_ALWAYS = {"output"} | {
    f"{_PDFS}.{key}"
    for key in (
        "doCorrMatPlot", "doPullPlot", "doPullPlotPdf", "doResidualPlot", "doResidualPlotPdf",
    )
}  # fmt: skip


def _listed(value: Any) -> Any:
    """Returns a list of what stands alone, as older files have it."""
    return [value] if isinstance(value, str | int | float) else value


def _plain(names: list[str]) -> list[str]:
    return [plain_name(name) for name in names]


_Names = Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)]
_Numbers = Annotated[list[float], Field(min_length=1), BeforeValidator(_listed)]
_Tails = Annotated[list[str | None], BeforeValidator(_listed)]


class _Part(BaseModel):
    """A part of the file; other keys are kept, since they are named as not used."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class DqCosmetics(_Part):
    """The look of the publication plot."""

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
    """The data, and where fixed tails come from."""

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


def read_dq(path: Path) -> tuple[Document, DqFile]:
    """Returns a configuration of dq_fitter, as a document and checked.

    Args:
        path: The file.

    Raises:
        InputError: The file cannot be read, lacks a key, or its lists do not fit together.
    """
    document = read_document(path, "dq_fitter file", language="fit")
    file = document.validate(DqFile)
    if problems := list(_problems(file.input)):
        raise document.error(problems)
    return document, file


def unused_keys(file: DqFile) -> list[str]:
    """Returns lines that name the keys for which fit files have no place, and say why.

    Empty ones are not named, nor what is there for sWeights where none are made.

    Args:
        file: The content of the file.
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


def _problems(given: DqInput) -> Iterator[Problem]:
    pdfs = given.pdfs
    yield from _wrong_pdfs(pdfs)
    yield from _lengths("fitRangeMin", len(pdfs.range_min), {"fitRangeMax": pdfs.range_max})
    yield from _lengths("parForAlicePlot", len(pdfs.printed), {"parNameForAlicePlot": pdfs.symbols})
    for number, (low, high) in enumerate(zip(pdfs.range_min, pdfs.range_max, strict=False)):
        if low >= high:
            message = f"{high:g} is not above the lower edge {low:g}"
            yield problem("wrong-order", f"{_PDFS}.fitRangeMax.{number}", message)
    if pdfs.method is not None and pdfs.method not in _METHODS:
        message = f"unknown {pdfs.method!r}{suggest(pdfs.method, _METHODS)}; {allowed(_METHODS)}"
        yield problem("wrong-value", f"{_PDFS}.fitMethod", message)


def _wrong_pdfs(pdfs: DqPdfs) -> Iterator[Problem]:
    if pdfs.pdf[-1] != "SUM" or len(pdfs.pdf) == 1:
        message = f"expected at least one pdf and 'SUM' as the last, got {json.dumps(pdfs.pdf)}"
        yield problem("wrong-value", f"{_PDFS}.pdf", message)
        return
    number = len(pdfs.pdf)
    slots: dict[str, list[list[Any]]] = {
        "parName": pdfs.parameters,
        "parVal": pdfs.values,
        "parLimMin": pdfs.lower,
        "parLimMax": pdfs.upper,
    }
    if wrong := list(_lengths("pdf", number, {"pdfName": pdfs.names, **slots})):
        yield from wrong
        return
    repeated = [name for place, name in enumerate(pdfs.names) if name in pdfs.names[:place]]
    for name in dict.fromkeys(repeated):
        yield problem("repeated-name", f"{_PDFS}.pdfName", f"{name!r} is given twice")
    for place, name in enumerate(pdfs.pdf):
        if name != "SUM" and name not in _SLOTS:
            message = f"unknown pdf {name!r}{suggest(name, _SLOTS)}; {allowed(_SLOTS)}"
            yield problem("unknown-pdf", f"{_PDFS}.pdf.{place}", message)
            continue
        expected = _SLOTS.get(name, number - 1)
        wanted = f"{expected} yields" if name == "SUM" else f"the {expected} parameters of {name}"
        for key, lists in slots.items():
            if len(lists[place]) != expected:
                message = f"expected {wanted}, got {len(lists[place])}"
                yield problem("wrong-number", f"{_PDFS}.{key}.{place}", message)


def _lengths(first: str, number: int, lists: dict[str, Any]) -> Iterator[Problem]:
    """Yields the lists that are not as long as the first."""
    for key, given in lists.items():
        if len(given) != number:
            message = f"expected {number} entries, as {first} has, got {len(given)}"
            yield problem("wrong-number", f"{_PDFS}.{key}", message)
