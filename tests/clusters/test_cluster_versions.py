"""The software of client, scheduler and workers is the same, or nothing runs."""

from __future__ import annotations

import pytest
from cluster_processes import ClusterProcesses
from errors import raises

from tau3mu.clusters import check_versions, connect
from tau3mu.errors import InputError

pytestmark = pytest.mark.integration


def environment(folder, code: str) -> dict[str, str]:
    """Returns an environment in which every Python process runs a piece of code first."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


def test_one_s_own_cluster_agrees(client):
    """Fails if equal versions are taken for different ones."""
    check_versions(client)


def test_other_version_on_one_worker_is_a_table_and_a_stop(tmp_path):
    """Fails if a worker with another awkward takes part, or the message leaves out which where."""
    import awkward as ak

    older = tmp_path / "older.py"
    older.write_text("import awkward\nawkward.__version__ = '2.6.1'\n")
    with ClusterProcesses(tmp_path / "cluster") as processes:
        processes.add_worker()
        processes.add_worker("--preload", str(older))
        with (
            connect_when(processes, workers=2),
            raises("clusters.other-versions", InputError) as caught,
            connect(processes.address, wait=60),
        ):
            pass
    head, *rows, todo = str(caught.value).splitlines()
    assert head == "the cluster does not have the software of this process:"
    cells = [[cell for cell in row.split("  ") if cell] for row in rows]
    assert [cell.strip() for cell in cells[0]] == ["package", "here", "scheduler", "workers"]
    table = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in cells[2:]}
    here = ak.__version__
    assert list(table) == ["awkward"]
    assert table["awkward"][:2] == [here, here]
    assert sorted(table["awkward"][2].split(", ")) == sorted([f"{here} (1)", "2.6.1 (1)"])
    assert f"on the cluster: pip install awkward=={here};" in todo


@pytest.mark.parametrize("where", ["scheduler", "worker"])
def test_a_process_without_the_package_is_named(tmp_path, where):
    """Fails if tasks are sent to where they cannot be unpacked: dask's error names no package."""
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'tau3mu':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    without = environment(tmp_path / "without", code)
    with ClusterProcesses(
        tmp_path / "cluster", environment=without if where == "scheduler" else {}
    ) as processes:
        processes.environment = without if where == "worker" else {}
        processes.add_worker()
        with (
            raises("clusters.other-versions", InputError) as caught,
            connect(processes.address, wait=60),
        ):
            pass
    (row,) = [line for line in str(caught.value).splitlines() if line.strip().startswith("tau3mu")]
    versions = row.split()[1:]
    assert versions[-1 if where == "worker" else 1] == "absent"
    assert "install tau3mu" in str(caught.value)
    assert "scheduler included" in str(caught.value)


def connect_when(processes: ClusterProcesses, *, workers: int):
    """Waits for the workers with a client of its own."""
    from distributed import Client

    client = Client(processes.address)
    client.wait_for_workers(workers, timeout=60)
    return client
