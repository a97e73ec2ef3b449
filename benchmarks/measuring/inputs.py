"""Files of the benchmarks: their sizes and contents, and toy ntuples, which are kept in a cache."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import uproot

from measuring.selections import CONTROL
from tau3mu import __version__
from tau3mu.benchmark.study import Sample
from tau3mu.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from measuring.selections import Selecting

__all__ = [
    "InputFile",
    "default_cache",
    "describe",
    "make_copies",
    "make_sample",
    "new_folder",
    "sample_of",
]

log = logging.getLogger(__name__)

# Where the UUID is in the header of a ROOT file smaller than 2 GB: six numbers of four bytes, and
# others, precede it, and the version of its class (2 bytes).
_UUID_AT: Final = 47


@dataclass(frozen=True)
class InputFile:
    """One file; bytes are counted for the branches that a processor reads."""

    path: str
    tree: str
    layout: str
    form: str
    compression: str
    events: int
    size: int
    needed: int
    unpacked: int
    branches: tuple[str, ...]


def describe(paths: Sequence[str], selecting: Selecting = CONTROL) -> list[InputFile]:
    """Returns the facts about ntuples that a processor can read.

    Args:
        paths: Of the files.
        selecting: The processor.

    Raises:
        InputError: One cannot be read; the message has a line for each problem.
    """
    from tau3mu.datasets import check_files, dataset_from_files
    from tau3mu.processing import load_processors

    (processor,) = load_processors([selecting.processor], values=selecting.values)
    checked = check_files([dataset_from_files(paths)], processor.columns)
    return [_describe(file.path, file.tree, file.layout, file.branches) for file in checked]


def sample_of(files: Sequence[InputFile]) -> Sample:
    """Returns the sum of the facts about files, which are alike.

    Args:
        files: At least one.
    """
    first = files[0]
    return Sample(
        layout=first.layout,
        form=first.form,
        compression=first.compression,
        files=len(files),
        events=sum(file.events for file in files),
        size=sum(file.size for file in files),
        needed=sum(file.needed for file in files),
        unpacked=sum(file.unpacked for file in files),
    )


def _describe(path: str, name: str, layout: str, branches: tuple[str, ...]) -> InputFile:
    with uproot.open(path) as file:
        tree = file[name]
        is_tuple = isinstance(tree, uproot.behaviors.RNTuple.HasFields)
        needed, unpacked = (_field_bytes if is_tuple else _branch_bytes)(tree, branches)
        compression = file.file.compression
        return InputFile(
            path=path,
            tree=name,
            layout=layout,
            form="RNTuple" if is_tuple else _form(tree, branches),
            compression=f"{compression.name.lower()}-{compression.level}",
            events=int(tree.num_entries),
            size=int(file.file.fEND),
            needed=needed,
            unpacked=unpacked,
            branches=branches,
        )


def _form(tree: Any, branches: Iterable[str]) -> str:
    vectors = any("vector<" in tree[name].typename for name in branches)
    return "std::vector TTree" if vectors else "TTree"


def _branch_bytes(tree: Any, names: Iterable[str]) -> tuple[int, int]:
    """Returns compressed and uncompressed bytes of branches, and of those that count entries."""
    branches = {name: tree[name] for name in names}
    counters = [branch.count_branch for branch in branches.values()]
    branches |= {counter.name: counter for counter in counters if counter is not None}
    return (
        sum(int(branch.compressed_bytes) for branch in branches.values()),
        sum(int(branch.uncompressed_bytes) for branch in branches.values()),
    )


def _field_bytes(ntuple: Any, names: Iterable[str]) -> tuple[int, int]:
    """Returns compressed and uncompressed bytes of fields of an RNTuple and what is in them."""
    records = ntuple.field_records
    wanted = {
        number
        for number, record in enumerate(records)
        if records[_top(records, number)].field_name in set(names)
    }
    stored = unpacked = 0
    for number, column in enumerate(ntuple.column_records):
        if column.field_id not in wanted:
            continue
        for cluster in ntuple.page_link_list:
            pages = cluster[number].pages
            stored += sum(page.locator.num_bytes for page in pages)
            unpacked += sum(abs(page.num_elements) for page in pages) * column.nbits // 8
    return int(stored), int(unpacked)


def _top(records: Sequence[Any], number: int) -> int:
    while (parent := records[number].parent_field_id) != number:
        number = parent
    return number


def default_cache() -> Path:
    """Returns the folder of the user's caches, `tau3mu/benchmarks` in it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tau3mu/benchmarks"


def make_sample(
    cache: Path, *, layout: str, compression: str, events: int, files: int, workers: int
) -> list[Path]:
    """Returns the paths of toy ntuples, which are generated if the cache has none like these.

    Equal arguments give equal content. A file is written step by step, so memory does not grow
    with its size.

    Args:
        cache: The folder of all samples.
        layout: `t3m` or `t3m_tau` (RNTuples), or `nano` (a TTree).
        compression: `zlib`, `lz4`, `zstd` or `lzma`.
        events: Events of each file.
        files: Number of files.
        workers: Processes that write.

    Raises:
        InputError: An argument is out of range.
        RunError: A file cannot be written.
    """
    from tau3mu.generate import generate

    folder = cache / f"{__version__}-{layout}-{compression}-{events}x{files}"
    if not folder.exists():
        log.info("generating %d files of %d events in %s", files, events, folder)
        with new_folder(folder) as part:
            generate(
                part,
                events=events,
                files=files,
                layout=layout,
                compression=compression,
                workers=workers,
            )
    stem = "TreeData" if layout == "t3m_tau" else "Tree_PhiPi"
    return [folder / f"{stem}_{number + 1}.root" for number in range(files)]


def make_copies(source: Path, folder: Path, number: int) -> list[Path]:
    """Returns copies of a file, each with a UUID of its own, so that they count as many files.

    Args:
        source: The file.
        folder: Of the copies; if it exists, they are there already.
        number: How many copies.

    Raises:
        RunError: A copy cannot be written.
    """
    if not folder.exists():
        content = bytearray(source.read_bytes())
        with new_folder(folder) as part:
            for copy in range(number):
                content[_UUID_AT : _UUID_AT + 16] = uuid4().bytes
                (part / f"copy_{copy + 1}.root").write_bytes(content)
    return [folder / f"copy_{copy + 1}.root" for copy in range(number)]


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder, which is renamed when the block ends without an error.

    Args:
        folder: Its final path.

    Raises:
        RunError: The folder cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            yield part
            part.chmod(0o755)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        message = f"cannot write {folder}: {error.strerror or error}"
        raise RunError(message) from error
