"""Site files: what they say, and what is said about what they say wrongly."""

from __future__ import annotations

import json

import pytest
from errors import raises

from tau3mu.clusters import load_site
from tau3mu.clusters.kinds import Gateway, Slurm, n_bytes, n_seconds
from tau3mu.errors import InputError


@pytest.fixture
def site(tmp_path):
    """Writes a site file and reads it."""

    def write(text: str, name: str = "site.toml"):
        path = tmp_path / name
        path.write_text(text)
        return load_site(path)

    return write


def test_toml_and_json_say_the_same(site):
    """Fails if a form is not read, or a value is lost between file and model."""
    batch = {"kind": "slurm", "maximum": 50, "memory": "3 GB", "walltime": "8:00:00"}
    toml = "[clusters.batch]\n" + "\n".join(f"{k} = {json.dumps(v)}" for k, v in batch.items())
    found = site(toml).cluster("batch")
    assert found == site(json.dumps({"clusters": {"batch": batch}}), "site.json").cluster("batch")
    assert isinstance(found, Slurm)
    assert (found.memory, found.walltime, found.bounds) == ("3 GB", "8:00:00", (1, 50))


@pytest.mark.parametrize(
    ("numbers", "bounds"),
    [("", (1, 10)), ("workers = 4", (4, 4)), ("maximum = 3", (1, 3)),
     ("minimum = 2\nmaximum = 2", (2, 2))],
)  # fmt: skip
def test_number_of_workers(site, numbers, bounds):
    """Fails if a batch cluster could shrink to nothing, where no worker ever comes back."""
    assert site(f'[clusters.b]\nkind = "htcondor"\n{numbers}').cluster("b").bounds == bounds


@pytest.mark.parametrize(
    ("text", "code", "path", "line"),
    [
        ('[clusters.b]\nkind = "slurn"', "unknown-choice", "clusters.b.kind", 2),
        ("[clusters.b]\nworkers = 1", "missing-key", "clusters.b.kind", 1),
        ('[clusters.b]\nkind = "slurm"\nmemmory = "1 GB"', "unknown-key", "clusters.b.memmory", 3),
        ('[clusters.b]\nkind = "htcondor"\nqueue = "x"', "unknown-key", "clusters.b.queue", 3),
        ('[clusters.b]\nkind = "slurm"\ncores = "two"', "wrong-type", "clusters.b.cores", 3),
        ('[clusters.b]\nkind = "slurm"\nminimum = 0\nmaximum = 2',
         "out-of-range", "clusters.b.minimum", 3),
        ('[clusters.b]\nkind = "slurm"\nminimum = 5\nmaximum = 2',
         "number-of-workers", "clusters.b", 1),
        ('[clusters.b]\nkind = "slurm"\nminimum = 5', "number-of-workers", "clusters.b", 1),
        ('[clusters.b]\nkind = "slurm"\nworkers = 5\nmaximum = 9',
         "number-of-workers", "clusters.b", 1),
        ('[clusters.b]\nkind = "slurm"\nmemory = "lots"', "not-a-size", "clusters.b.memory", 3),
        ('[clusters.b]\nkind = "slurm"\nwalltime = "8h"', "not-a-time", "clusters.b.walltime", 3),
        ('[clusters.b]\nkind = "slurm"\n[clusters.b.environment]\n"A B" = "1"',
         "not-a-variable", 'clusters.b.environment["A B"]', 4),
        ('[clusters.b]\nkind = "kubernetes"', "missing-key", "clusters.b.image", 1),
        ('[clusters.b]\nkind = "scheduler"\naddress = "tls://a:1"\n[clusters.b.tls]\ncertt = "x"',
         "unknown-key", "clusters.b.tls.certt", 5),
        ("[cluster.b]\nkind = 'slurm'", "unknown-key", "cluster", 1),
        ("[tls]\nca_file = 'a'", "missing-key", "tls.cert", 1),
        ("clusters = 3", "wrong-type", "clusters", 1),
        ("[clusters]\nb = 3", "wrong-type", "clusters.b", 2),
        ("[clusters.b", "not-toml", "site.toml", None),
        ("a = 1\nb = ,", "not-toml", "site.toml", 2),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_file_line_and_key(site, text, code, path, line):
    """Fails if a mistake is accepted, or if the error leaves file or key to be guessed."""
    with raises(f"site.{code}", InputError, path=path, mentions="site.toml") as caught:
        site(text)
    if line is not None:
        assert f"line {line}" in str(caught.value)


def test_all_mistakes_are_listed_at_once(site):
    """Fails if a user has to fix a file one error at a time."""
    with raises("site.unknown-key", InputError, path="clusters.a.x") as caught:
        site('[clusters.a]\nkind = "slurm"\nx = 1\n[clusters.b]\nkind = "gateway"\ny = 1')
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "clusters.a.x" in lines[0]
    assert "clusters.b.y" in lines[1]


def test_default_places(site, tmp_path, monkeypatch):
    """Fails if the environment variable or the default file is not found, or an absent one is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TAU3MU_SITE", raising=False)
    assert load_site().clusters == {}
    default = tmp_path / ".config" / "tau3mu" / "site.toml"
    default.parent.mkdir(parents=True)
    default.write_text('[clusters.one]\nkind = "local"')
    assert list(load_site().clusters) == ["one"]
    other = tmp_path / "other.toml"
    other.write_text('[clusters.two]\nkind = "local"')
    monkeypatch.setenv("TAU3MU_SITE", str(other))
    assert list(load_site().clusters) == ["two"]
    with raises("config.cannot-read", InputError, path="nowhere.toml"):
        load_site(tmp_path / "nowhere.toml")


def test_a_kind_is_a_name_too(site):
    """Fails if --cluster gateway needs a site file, or picks one of two clusters by chance."""
    assert isinstance(site("").cluster("gateway"), Gateway)
    one = '[clusters.a]\nkind = "slurm"\nqueue = "long"\n'
    assert site(one).cluster("slurm").queue == "long"
    with raises("site.several-clusters", InputError, path="slurm", mentions="a, b"):
        site(one + '[clusters.b]\nkind = "slurm"').cluster("slurm")
    with raises("site.unknown-cluster", InputError, path="slum", mentions="'slurm'"):
        site(one).cluster("slum")
    with raises("site.missing-key", InputError, path="clusters.kubernetes.image"):
        site("").cluster("kubernetes")


@pytest.mark.parametrize(
    ("text", "number"),
    [("2 GB", 2_000_000_000), ("1.5GiB", 1610612736), ("500 MB", 500_000_000), ("7 B", 7)],
)
def test_sizes(text, number):
    """Fails if GB and GiB are mixed up."""
    assert n_bytes(text) == number


@pytest.mark.parametrize(
    ("text", "number"), [("8:00:00", 28800), ("0:30:05", 1805), ("1-12:00:00", 129600)]
)
def test_times(text, number):
    """Fails if days are lost."""
    assert n_seconds(text) == number
