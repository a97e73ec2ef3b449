"""Links into the parent, and candidates in one file."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from errors import raises
from skim_variants import tight

import tau3mu
from tau3mu import DsPhiPi
from tau3mu.datasets import dataset_from_files
from tau3mu.derived import SkimRequest, read_derived
from tau3mu.outputs import load_candidates
from tau3mu.processing import Table
from tau3mu.processing.processor import Processor
from tau3mu.run import Settings, analyse, prepare


def derive(datasets, skims, folder, processors=("dsphipi",), **options):
    settings = Settings.of(no_fit=True, output=folder, **options)
    with closing(prepare(datasets, list(processors), settings, skims=skims)) as plan:
        return analyse(plan)


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("linked") / "run"
    request = SkimRequest("linked", "vertex", name="links")
    derive(tau3mu.datasets("demo"), {"dsphipi": request}, folder, chunk_size=2500)
    return folder / "derived" / "links"


def test_links_are_read_as_the_same_events(parent, skim, linked, read, same_candidates):
    through_skim = read(skim, [DsPhiPi(), tight()])
    for size in (700, 5000):
        found = read(linked, [DsPhiPi(), tight()], chunk_size=size)
        for name in ("dsphipi", "tight"):
            same_candidates(parent[name].candidates, found[name].candidates)
            assert (
                found[name].candidates["file"].tolist() == parent[name].candidates["file"].tolist()
            )
        assert found["dsphipi"].cutflow == through_skim["dsphipi"].cutflow
        assert all(one.read == one.entries for one in found.manifest.inputs)
    assert found.manifest.inputs[0].entries < 6000


def test_links_are_a_small_table_of_places_and_numbers(parent, linked):
    file = linked / "demo_links.parquet"
    table = pq.read_table(file)
    assert table.column_names == ["uuid", "path", "tree", "entry", "run", "lumi", "event"]
    record = read_derived(linked)
    vertex = {row["name"]: row for row in parent["dsphipi"].cutflow["demo"]}["vertex"]
    assert len(table) == record.datasets["demo"].files[0].entries == vertex["events"]
    assert file.stat().st_size < 200_000
    for path in set(table["path"].to_pylist()):
        rows = table.filter(pa.array([one == path for one in table["path"].to_pylist()]))
        events = uproot.open(path)["Tree3Mu/ntuple"]["evt"].array()
        assert events[rows["entry"].to_numpy()].tolist() == rows["event"].to_pylist()


def test_looser_readers_of_links_are_refused(linked, read):
    with raises("derived.looser-cut", path="x.flight_significance"):
        read(linked, DsPhiPi(name="x", flight_significance=1.0))


@pytest.mark.integration
def test_a_parent_that_is_gone_or_another_is_an_error(demo, tmp_path, read):
    copies = [shutil.copy(path, tmp_path / path.name) for path in demo]
    request = SkimRequest("linked", "phi", name="links")
    derive([dataset_from_files([str(c) for c in copies])], {"dsphipi": request}, tmp_path / "run")
    links = tmp_path / "run" / "derived" / "links"
    with uproot.open(copies[0]) as file:
        tree = file["Tree3Mu/ntuple"]
        arrays = tree.arrays()
    with uproot.recreate(copies[0]) as file:
        file.mkrntuple("Tree3Mu/ntuple", {n: arrays[n].type.content for n in arrays.fields})
        file["Tree3Mu/ntuple"].extend({name: arrays[name] for name in arrays.fields})
    with raises("derived.changed-parent", path=Path(copies[0]).name):
        read(links)
    Path(copies[0]).unlink()
    with raises("dataset.bad-files", path=Path(copies[0]).name):
        read(links)
    (links / "files_links.parquet").unlink()
    shutil.copy(demo[0], copies[0])
    with raises("derived.no-links", path="files_links.parquet"):
        read(links)


def test_links_need_the_numbers_of_events(read, tmp_path):
    class Nameless(Processor):
        columns = ("muon.pt",)

        def select(self, events, cutflow):
            return Table(pt=cutflow.cut("pt", events.muon, events.muon.pt > 3).pt)

    with raises("derived.no-event-numbers", path="Nameless"):
        derive(
            tau3mu.datasets("demo"),
            {"Nameless": SkimRequest("linked", "pt")},
            tmp_path / "run",
            [Nameless()],
        )


@pytest.mark.parametrize("fmt", ["root", "parquet"])
def test_slim_data_are_the_candidates_and_no_input(parent, read, tmp_path, fmt):
    request = SkimRequest("slim", name="small", format=fmt)
    found = derive(tau3mu.datasets("demo"), {"dsphipi": request}, tmp_path / "run")
    folder = tmp_path / "run" / "derived" / "small"
    assert found.manifest.derived["small"].events == len(parent["dsphipi"].candidates)
    slim = load_candidates(folder)
    assert slim["mass"].tolist() == parent["dsphipi"].candidates["mass"].tolist()
    record = read_derived(folder)
    assert (
        record.datasets["demo"].cutflow[3].events == parent["dsphipi"].cutflow["demo"][3]["events"]
    )
    with raises("dataset.unknown-file"):
        read(folder)
    if fmt == "root":
        with raises("dataset.bad-files", mentions="slim"):
            read(dataset_from_files([str(folder / "candidates.root")]))
    with raises("derived.not-an-input", path="derived.json"):
        read(folder / "derived.json")


def test_slim_data_beyond_the_limit_are_refused_and_the_run_stands(tmp_path):
    request = SkimRequest("slim", name="small", max_mb=0.01)
    found = derive(tau3mu.datasets("demo"), {"dsphipi": request}, tmp_path / "run")
    assert found.exit_code == 1
    assert "0.01 MB" in found.manifest.derived["small"].problem
    assert not (tmp_path / "run" / "derived" / "small").exists()
    assert len(found["dsphipi"].candidates) > 0


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"kind": "other"}, "derived.unknown-kind", "kind"),
        ({"kind": "standard"}, "derived.bad-step", "at"),
        ({"kind": "slim", "at": "vertex"}, "derived.bad-step", "at"),
        ({"at": "vertex", "name": "a/b"}, "derived.bad-name", "name"),
        ({"kind": "slim", "max_mb": 0}, "derived.bad-size", "max_mb"),
        ({"kind": "slim", "format": "csv"}, "derived.unknown-format", "format"),
    ],
)
def test_a_request_that_cannot_be(values, code, path):
    with raises(code, path=path):
        SkimRequest(**values)
