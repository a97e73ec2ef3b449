"""Dataset files that say where else a file lies, and what it should be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tau3mu.datasets import Dataset, FileDetails, check_files, load_datasets
from tau3mu.errors import InputError

A, B, C = "root://a.org//x.root", "root://b.org//x.root", "https://c.org/x.root"


@pytest.mark.parametrize(
    ("files", "tree", "details"),
    [
        ([[A, B, C]], None, FileDetails((B, C))),
        ([[f"{A}:T/n", B]], "T/n", FileDetails((B,))),
        ([{"replicas": [A, B], "tree": "T"}], "T", FileDetails((B,))),
        ([{"replicas": [A]}], None, FileDetails()),
        (
            [{"replicas": [A, B], "checksum": "adler32:A1B2", "entries": 7}],
            None,
            FileDetails((B,), "adler32:0000a1b2", 7),
        ),
        ({A: {"replicas": [B], "tree": "T"}}, "T", FileDetails((B,))),
        ({A: {"object_path": "T", "entries": 0}}, "T", FileDetails((), None, 0)),
    ],
)
def test_forms(dataset_file, files, tree, details):
    """A file that lies in several places could not be written down."""
    (dataset,) = load_datasets(dataset_file({"d": {"files": files}}))
    assert dataset.files == {A: tree}
    assert dataset.details_of(A) == details
    assert dataset.places() == [A, *details.replicas]


def test_prefix_goes_before_relative_replicas(dataset_file):
    """Replicas could only be written as whole URLs."""
    path = dataset_file({"d": {"files": [["x.root", "/local/x.root", C]]}})
    (dataset,) = load_datasets(path, prefix="root://a.org//store")
    assert dataset.places() == ["root://a.org//store/x.root", "/local/x.root", C]


@pytest.mark.parametrize(
    ("files", "code", "path"),
    [
        ([[]], "wrong-type", "[0]"),
        ([A, [B, 1]], "wrong-type", "[1]"),
        ([{"tree": "T"}], "wrong-type", "[0]"),
        ([[f"{A}:T", f"{B}:U"]], "two-trees", "[0]"),
        ([{"replicas": [A], "cheksum": "x"}], "unknown-key", ".cheksum"),
        ([{"replicas": [A], "checksum": "md5:00"}], "not-a-checksum", ".checksum"),
        ([{"replicas": [A], "entries": -1}], "out-of-range", ".entries"),
        ([{"replicas": [A], "entries": 1.5}], "wrong-type", ".entries"),
        ({A: {"tree": "T", "object_path": "U"}}, "two-trees", f'["{A}"]'),
        ([[A, B], [A, C]], "listed-twice", ""),
    ],
)
def test_mistakes(dataset_file, files, code, path, refusal):
    """A mistake in a dataset file would cost a replica, a check or a file."""
    error = refusal(dataset_file({"d": {"files": files}}))
    place = f'["{A}"]{path}' if path.startswith(".") else path
    assert (error.code, error.path) == (f"dataset.{code}", f"d.files{place}")


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ([[A, B], [C, B]], B),
        ([[A, A]], A),
        ([A, "root://A.org:1094///x.root"], "root://A.org:1094///x.root"),
        ([["/a/x.root", "/a//./x.root"]], "/a/x.root"),
    ],
)
def test_replicas_that_are_listed_twice(dataset_file, files, named, refusal):
    """The events of a file would count twice."""
    error = refusal(dataset_file({"d": {"files": files}}))
    assert (error.path, named in str(error)) == ("d", True)


def test_file_that_is_a_replica_in_another_dataset(dataset_file, refusal):
    """The events of a file would be in two datasets."""
    sets = {"d": {"files": [[A, B]]}, "e": {"files": ["root://b.org:1094//x.root"]}}
    text = str(refusal(dataset_file(sets)))
    assert all(part in text for part in ("root://b.org:1094//x.root", B, "'d'", "'e'"))


@pytest.mark.parametrize("entries", [9, 11, 10])
def test_number_of_events_is_compared(nano_file, entries, nano_columns):
    """A file that lost events when it was made anew would be read without a word."""
    path = nano_file(events=10)
    dataset = Dataset("d", {path: None}, details={path: FileDetails(entries=entries)})
    if entries == 10:
        assert check_files([dataset], nano_columns)[0].entries == 10
        return
    with pytest.raises(InputError) as error:
        check_files([dataset], nano_columns)
    assert str(error.value).splitlines()[1] == (
        f"  {path} [d]: has 10 events, expected {entries} according to the dataset file"
    )


def test_example_of_the_manual(dataset_file):
    """What the manual shows would not be read."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "dataset-files.md"
    example = re.search(r"^```json\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    first, second = load_datasets(dataset_file(example[1]), prefix="/store")
    assert first.files == dict.fromkeys(
        ["/store/2017B/x_1.root", "/store/2017B/x_2.root"], "Tree3Mu/ntuple"
    )
    details = first.details_of("/store/2017B/x_2.root")
    assert (len(details.replicas), details.checksum) == (2, "adler32:0a1b2c3d")
    assert list(second.files.values()) == ["Tree3Mu/ntuple", None, None]
    assert second.details_of("root://site.org//store/2017C/x_3.root").entries == 150_000
