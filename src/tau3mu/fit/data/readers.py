"""Reads what is fitted: a histogram, or values one by one, from the files of the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hist import Hist
from uhi.io.json import object_hook

from tau3mu.config.input_files import read_text, refuse_special, user_path, without_file_scheme
from tau3mu.config.syntax import parse_json
from tau3mu.errors import InputError, suggest
from tau3mu.fit.data.columns import parquet_columns, tree_columns
from tau3mu.fit.data.entries import entries_of, names_of
from tau3mu.fit.data.results import is_results, read_candidates, read_facts, read_spectrum
from tau3mu.fit.data.root_files import find_histogram, having, listed, open_root, to_hist
from tau3mu.fit.data.runs import of_histogram
from tau3mu.fit.data.source import Source
from tau3mu.outputs.histograms import DATASET, load_histograms
from tau3mu.storage.failures import reason

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.fit.data.windows import Observable
    from tau3mu.fit.expressions import Cut

__all__ = ["read_data"]

_PARQUET = (".parquet", ".pq")


def read_data(
    file: str | Path,
    observable: Observable,
    *,
    histogram: str | None = None,
    tree: str | None = None,
    column: str | None = None,
    weight: str | None = None,
    cut: Cut | None = None,
    era: str | None = None,
    processor: str = "",
) -> Source:
    """Returns a histogram, or values one by one if a tree or a column is named.

    - a ROOT file: the TH1 `histogram`, also in directories and in lists, or the branch `column` of
      the TTree or RNTuple `tree`, which need not be named if it is the only one;
    - a file that ends in `.json`: the histogram in UHI form, by its name if the file has several;
    - a file that ends in `.parquet`, or a folder of such files: the column `column`;
    - a results folder, that of a processor in it, or a file of those: the sum of the data, or of
      simulation where there is no data, of the variable `histogram`, or of the column `column` of
      the candidates.

    Nothing is read but this column, the weights and what the cut is on. A branch with a list per
    event is flattened by `ak.flatten`, so that each item counts, which `Source.warning` says; a
    weight per event then holds for all its items. A missing number becomes NaN.

    Args:
        file: A path, or the URL of a ROOT file.
        observable: Its name is that of the histogram or of the column, where none is given.
        histogram: The name of a histogram.
        tree: The name of a tree.
        column: The name of a branch or column.
        weight: The branch or column with the weights of the values.
        cut: On branches or columns; entries for which it is not true are not read.
        era: The era of a run that is read; by default all of them.
        processor: Whose folder is meant in a results folder of several processors.

    Raises:
        InputError: The file or what is asked of it is missing, damaged, or of another kind.
    """
    names = (("tree", tree), ("column", column), ("weight", weight), ("cut", cut))
    unbinned = [key for key, value in names if value is not None]
    if histogram is not None and unbinned:
        message = (
            f"{file}: both 'histogram' and {unbinned[0]!r} are given; a histogram is fitted in "
            "bins, a column value by value"
        )
        raise InputError(message, code="fit.histogram-and-column", path=unbinned[0])
    wanted_column, wanted = column or observable.name, histogram or observable.name
    file = without_file_scheme(str(file))
    if "://" in file:
        _refuse_era(era, file)
        return _read_root(file, histogram, tree, wanted_column if unbinned else None, weight, cut)
    path = user_path(file)
    if not path.exists():
        message = (
            f"{path} does not exist; expected a ROOT, JSON or parquet file or a results folder"
        )
        raise InputError(message, code="fit.missing-file", path=path)
    refuse_special(path, folders=True)
    if tree is None and is_results(path):
        if unbinned or path.name.startswith("candidates."):
            return read_candidates(path, wanted_column, weight, cut, processor, era)
        return read_spectrum(path, wanted, processor, era)
    if path.suffix == ".json":
        return _read_json(path, histogram, unbinned, era)
    _refuse_era(era, path)
    if path.suffix in _PARQUET or path.is_dir():
        return _read_parquet(path, wanted_column, weight, cut, histogram, tree)
    return _read_root(str(path), histogram, tree, wanted_column if unbinned else None, weight, cut)


def _read_root(
    path: str,
    histogram: str | None,
    tree: str | None,
    column: str | None,
    weight: str | None,
    cut: Cut | None,
) -> Source:
    if column is not None:
        columns = tree_columns(path, tree, names_of(column, weight, cut))
        found = entries_of(columns, column, weight, cut, f"{path}: {column!r}")
        name = f"{path}:{tree}/{column}" if tree else f"{path}:{column}"
        return Source(found.data, name, warning=found.warning, passed=found.passed)
    with open_root(path) as file:
        if histogram is None:
            keys = file.keys(cycle=False)
            there = f"it has {listed(keys)}" if keys else "the file is empty"
            message = f"{path}: neither 'histogram' nor 'tree' says what to fit; {there}"
            raise InputError(message, code="fit.nothing-named", path=path)
        name = f"{path}:{histogram}"
        return Source(to_hist(find_histogram(file, histogram), name), name)


def _refuse_era(era: str | None, file: Path | str) -> None:
    if era is not None:
        message = (
            f"{file} knows no eras, and the input asks for {era!r}: give a results folder, or fit "
            "a file without 'era'"
        )
        raise InputError(message, code="fit.era-without-run", path=file)


def _read_json(path: Path, histogram: str | None, unbinned: list[str], era: str | None) -> Source:
    if unbinned:
        message = f"{path}: JSON holds histograms, no columns; drop {unbinned[0]!r}"
        raise InputError(message, code="fit.no-columns", path=path)
    single = _single_histogram(path)
    if single is not None:
        _refuse_era(era, path)
        if histogram is not None:
            message = f"{path} holds one histogram without a name; drop 'histogram'"
            raise InputError(message, code="fit.unknown-histogram", path=path)
        return Source(single, str(path))
    histograms = load_histograms(path)
    name = histogram or (next(iter(histograms)) if len(histograms) == 1 else None)
    if name is None:
        which = "; say which as 'histogram'" if histograms else ""
        message = f"{path}: {having(histograms, 'histograms')}{which}"
        raise InputError(message, code="fit.nothing-named", path=path)
    if name not in histograms:
        message = (
            f"{path} has no histogram {name!r}{suggest(name, histograms)}; "
            f"{having(histograms, 'histograms')}"
        )
        raise InputError(message, code="fit.unknown-histogram", path=name)
    found = histograms[name]
    if DATASET in found.axes.name:
        return of_histogram(found, read_facts(path), f"{path}:{name}", era)
    _refuse_era(era, path)
    return Source(found, f"{path}:{name}")


def _single_histogram(path: Path) -> Hist[Any] | None:
    """Returns the histogram that the file is, None if it maps names to histograms."""
    try:
        content = parse_json(read_text(path, "histograms"), object_hook=object_hook)
        return Hist(content) if isinstance(content, dict) and "axes" in content else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} does not hold a histogram in UHI JSON: {reason(error)}"
        raise InputError(message, code="outputs.no-histograms", path=path) from error


def _read_parquet(
    path: Path,
    column: str,
    weight: str | None,
    cut: Cut | None,
    histogram: str | None,
    tree: str | None,
) -> Source:
    for key, value in (("histogram", histogram), ("tree", tree)):
        if value is not None:
            message = f"{path}: parquet has columns, no {key} {value!r}; give 'column' alone"
            raise InputError(message, code="fit.no-histograms", path=key)
    columns = parquet_columns(str(path), names_of(column, weight, cut))
    found = entries_of(columns, column, weight, cut, f"{path}: {column!r}")
    return Source(found.data, f"{path}:{column}", warning=found.warning, passed=found.passed)
