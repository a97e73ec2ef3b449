"""The site files of the documentation are site files, and become what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tau3mu.clusters import load_site
from tau3mu.clusters.kinds import KINDS, Running
from tau3mu.clusters.launch import dask_class

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "clusters.md"
EXAMPLES = dict(re.findall(r'```toml title="(\S+)"\n(.*?)```', PAGE.read_text(), re.DOTALL))


def test_there_is_an_example_of_each_kind(tmp_path):
    """Fails if a kind has no example, or an example is not found by this test."""
    kinds = set()
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
        kinds |= {cluster.kind for cluster in load_site(tmp_path / name).clusters.values()}
    assert kinds == set(KINDS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_accepted_by_dask(name, tmp_path, monkeypatch):
    """Fails if an example has a key that is not known here or that dask's own class refuses."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / name).write_text(EXAMPLES[name])
    for cluster in load_site(tmp_path / name).clusters.values():
        if isinstance(cluster, Running):
            assert cluster.address == "tls://localhost:8786"
            continue
        arguments = cluster.arguments()
        if cluster.kind in {"htcondor", "slurm"}:
            pytest.importorskip("dask_jobqueue")
            for key in ("scheduler_options", "shared_temp_directory", "silence_logs"):
                del arguments[key]
            job = dask_class(cluster).job_cls("tls://10.0.0.1:1", name="w", **arguments)
            script = job.job_script()
            assert cluster.prologue[0] in script
            assert "--nthreads 1 --memory-limit 1.86GiB" in script
        elif cluster.kind == "kubernetes":
            kubernetes = pytest.importorskip("dask_kubernetes.operator")
            del arguments["namespace"], arguments["quiet"]
            pods = kubernetes.make_cluster_spec(**arguments)["spec"]["worker"]
            assert pods["replicas"] == cluster.minimum
        else:
            assert cluster.bounds in {(4, 4), (1, 40)}
