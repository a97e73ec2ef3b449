"""Job scripts of batch systems and specifications of pods, from site files."""

from __future__ import annotations

import sys

import pytest
from errors import raises

from tau3mu.clusters import load_site
from tau3mu.clusters.launch import dask_class, launch
from tau3mu.errors import InputError

ADDRESS = "tls://10.0.0.1:40000"


@pytest.fixture
def cluster(tmp_path):
    """Returns the cluster `b` of a site file with logs and keys under tmp_path."""

    def read(text: str):
        path = tmp_path / "site.toml"
        folders = (
            f'log_directory = "{tmp_path}/logs"\nshared_temp_directory = "{tmp_path}/keys"\n'
            if "slurm" in text or "htcondor" in text
            else ""
        )
        path.write_text(f"[clusters.b]\n{folders}{text}")
        return load_site(path).cluster("b")

    return read


def job_script(cluster) -> list[str]:
    """Returns what would be submitted for a scheduler at `ADDRESS`, without submitting it."""
    arguments = cluster.arguments()
    for name in ("scheduler_options", "shared_temp_directory", "silence_logs"):
        del arguments[name]  # of the scheduler
    job = dask_class(cluster).job_cls(ADDRESS, name="w-0", **arguments)
    return [line for line in job.job_script().splitlines() if line]


def test_job_script_of_slurm(cluster, tmp_path):
    """Fails if anything that the site file says about Slurm does not reach sbatch as written."""
    pytest.importorskip("dask_jobqueue")
    text = (
        'kind = "slurm"\ncores = 2\nmemory = "4 GiB"\nwalltime = "10:00:00"\nqueue = "long"\n'
        'project = "cms"\nprologue = ["source /cvmfs/setup.sh"]\npython = "/env/bin/python"\n'
        'job_extra_directives = ["--exclude=node7"]\nenvironment = { NAME = "it is $5" }\n'
        "[clusters.b.options]\nworker_extra_args = ['--resources', 'disk=1']\n"
    )
    assert job_script(cluster(text)) == [
        "#!/usr/bin/env bash",
        "#SBATCH -J dask-worker",
        f"#SBATCH -e {tmp_path}/logs/dask-worker-%J.err",
        f"#SBATCH -o {tmp_path}/logs/dask-worker-%J.out",
        "#SBATCH -p long",
        "#SBATCH -A cms",
        "#SBATCH -n 1",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --mem=4G",
        "#SBATCH -t 10:00:00",
        "#SBATCH --exclude=node7",
        "export NAME='it is $5'",
        "source /cvmfs/setup.sh",
        (
            f"/env/bin/python -m distributed.cli.dask_worker {ADDRESS} --name w-0 --nthreads 1 "
            "--memory-limit 2.00GiB --nworkers 2 --nanny --death-timeout 60 "
            "--lifetime 32400s --lifetime-stagger 1800s --resources disk=1"
        ),
    ]


def test_job_script_of_htcondor(cluster, tmp_path):
    """Fails if anything that the site file says about HTCondor does not reach condor_submit."""
    pytest.importorskip("dask_jobqueue")
    text = (
        'kind = "htcondor"\nmemory = "2 GB"\ndisk = "1 GB"\nwalltime = "1:00:00"\n'
        'project = "group_cms"\njob_extra_directives = { "MY.SendCredential" = true }\n'
        'environment = { A = "b c" }\n'
    )
    assert job_script(cluster(text)) == [
        "#!/usr/bin/env condor_submit",
        'MY.DaskWorkerName = "htcondor--$F(MY.JobId)--"',
        "batch_name = w-0",
        "RequestCpus = MY.DaskWorkerCores",
        "RequestMemory = floor(MY.DaskWorkerMemory / 1048576)",
        "RequestDisk = floor(MY.DaskWorkerDisk / 1024)",
        'MY.JobId = "$(ClusterId).$(ProcId)"',
        "MY.DaskWorkerCores = 1",
        "MY.DaskWorkerMemory = 2000000000",
        "MY.DaskWorkerDisk = 1000000000",
        f"LogDirectory = {tmp_path}/logs",
        "Output = $(LogDirectory)/worker-$F(MY.JobId).out",
        "Error = $(LogDirectory)/worker-$F(MY.JobId).err",
        "Log = $(LogDirectory)/worker-$(ClusterId).log",
        "Stream_Output = True",
        "Stream_Error = True",
        "accounting_group = group_cms",
        "allowed_job_duration = 3600",
        "MY.SendCredential = True",
        # HTCondor itself halves the quotes again before the shell sees them.
        (
            f"Arguments = \"-c 'export A=''b c''; {sys.executable} -m distributed.cli.dask_worker "
            f"{ADDRESS} --name w-0 --nthreads 1 --memory-limit 1.86GiB --nanny --death-timeout 60 "
            "--lifetime 3240s --lifetime-stagger 180s'\""
        ),
        "Executable = /bin/sh",
        "Queue",
    ]


def test_pods_of_kubernetes(cluster):
    """Fails if image, memory, environment or the number of workers do not reach the operator."""
    kubernetes = pytest.importorskip("dask_kubernetes.operator")
    text = (
        'kind = "kubernetes"\nimage = "registry/tau3mu:1"\nminimum = 2\nmaximum = 9\n'
        'memory = "3 GB"\nnamespace = "cms"\nenvironment = { A = "b" }\n'
    )
    arguments = cluster(text).arguments()
    assert arguments.pop("namespace") == "cms"
    assert arguments.pop("quiet") is True
    specification = kubernetes.make_cluster_spec(**arguments)
    assert specification["metadata"]["name"].startswith("tau3mu-")
    worker = specification["spec"]["worker"]
    assert worker["replicas"] == 2
    (container,) = worker["spec"]["containers"]
    assert container["image"] == "registry/tau3mu:1"
    assert container["args"][:4] == ["dask", "worker", "--nthreads", "1"]
    assert container["env"] == [{"name": "A", "value": "b"}]
    limits = {"cpu": "1", "memory": "3000000000"}
    assert container["resources"] == {"requests": limits, "limits": limits}


def test_options_do_not_contradict_keys(cluster):
    """Fails if one of two values for the same thing wins in silence."""
    with raises("site.option-of-a-key", InputError, path="options.queue"):
        cluster('kind = "slurm"\nqueue = "a"\noptions = { queue = "b" }').arguments()
    merged = cluster('kind = "slurm"\noptions.scheduler_options = { port = 8786 }').arguments()
    assert merged["scheduler_options"] == {"dashboard_address": "127.0.0.1:0", "port": 8786}


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [
        ('kind = "slurm"', "dask_jobqueue", "jobqueue"),
        ('kind = "kubernetes"\nimage = "a"', "dask_kubernetes.operator", "kubernetes"),
        ('kind = "gateway"', "dask_gateway", "gateway"),
    ],
)
def test_a_missing_package_is_named(cluster, monkeypatch, kind, module, extra):
    """Fails if a user without the extra sees a traceback."""
    monkeypatch.setitem(sys.modules, module, None)  # what Python has for what cannot be imported
    with raises("clusters.not-installed", InputError, mentions=f"tau3mu[{extra}]"):
        dask_class(cluster(kind))


def test_a_machine_without_the_batch_system_is_told(cluster, monkeypatch, tmp_path):
    """Fails if a run on the wrong machine waits ten minutes for jobs that were never submitted."""
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", str(tmp_path))
    batch = cluster('kind = "htcondor"')
    with raises("clusters.no-batch-system", InputError, path="condor_submit"):
        launch(dask_class(batch), batch, insecure=False)


def test_a_folder_of_keys_is_private(cluster, monkeypatch, tmp_path):
    """Fails if keys are written where others can read them."""
    pytest.importorskip("dask_jobqueue")
    pytest.importorskip("cryptography")
    sbatch = tmp_path / "sbatch"
    sbatch.write_text("#!/bin/sh\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "keys").mkdir(mode=0o755)
    (tmp_path / "keys").chmod(0o755)
    batch = cluster('kind = "slurm"')
    with raises(
        "clusters.open-keys-folder", InputError, path="keys", mentions=("755", "chmod 700")
    ):
        launch(dask_class(batch), batch, insecure=False)
