from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version

import pytest

from tau3mu.redaction import redact
from tau3mu.results.provenance import _versions, provenance

STARTED = datetime(2026, 11, 21, 20, 48, tzinfo=timezone(timedelta(hours=1)))


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(
        ["git", *identity, "-C", str(folder), *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    (tmp_path / "cuts.py").write_text("pt = 3.5\n")
    git(tmp_path, "add", "cuts.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_times_are_utc():
    record = provenance(started=STARTED, finished=STARTED + timedelta(seconds=90))
    assert record["started"] == "2026-11-21T19:48:00+00:00"
    assert record["finished"] == "2026-11-21T19:49:30+00:00"
    now = datetime.fromisoformat(provenance(started=STARTED)["finished"])
    assert abs(datetime.now(timezone.utc) - now) < timedelta(minutes=1)


def test_names_versions_host_and_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = provenance(started=STARTED)
    for package in ("tau3mu", "awkward", "uproot", "coffea", "hist", "dask", "zfit"):
        assert record["versions"][package] == version(package)
    assert record["python"] == platform.python_version()
    assert record["host"]["name"] == platform.node()
    assert record["host"]["cpus"] == os.cpu_count()
    assert record["directory"] == str(tmp_path)
    assert record["command"] == [redact(word) for word in sys.orig_argv]
    assert json.loads(json.dumps(record)) == record


def test_packages_that_are_not_installed_are_left_out(monkeypatch):
    monkeypatch.setattr("tau3mu.results.provenance._PACKAGES", ("numpy", "no-such-package"))
    monkeypatch.setattr("tau3mu.results.provenance._versions", _versions.__wrapped__)  # not cached
    assert provenance(started=STARTED)["versions"] == {"numpy": version("numpy")}


def test_git_commit_and_changes(repository):
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "untracked.root").write_text("x")
    assert provenance(started=STARTED)["git"] == {"commit": commit, "dirty": False}
    (repository / "cuts.py").write_text("pt = 4.0\n")
    assert provenance(started=STARTED)["git"] == {"commit": commit, "dirty": True}


PROGRAMS = {
    "a monitor": [("core.fsmonitor", "{program}")],
    "a filter": [("filter.x.clean", "{program}")],
    "a filter with an odd name": [("filter.x=y.z.clean", "{program}")],
    "a filter process": [("filter.x.process", "{program}"), ("filter.x.required", "true")],
    "an external diff": [("diff.external", "{program}"), ("core.pager", "{program}")],
    "hooks": [("core.hooksPath", "{folder}/hooks"), ("core.untrackedCache", "true")],
    "a transport": [
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", "ext::{program}"),
        ("remote.origin.promisor", "true"),
        ("protocol.ext.allow", "always"),
    ],
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_a_repository_runs_no_program_of_its_own(repository, tmp_path_factory, what):
    """Who gives away a folder could run anything by the record of a run."""
    planted = tmp_path_factory.mktemp("planted")
    program = planted / "program"
    program.write_text(f"#!/bin/sh\ntouch {planted}/ran\ncat\n")
    program.chmod(0o755)
    (planted / "hooks").mkdir()
    for hook in ("post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (planted / "hooks" / hook).symlink_to(program)
    keys = [key for key, _ in PROGRAMS[what] if key.startswith("filter.")]
    if keys:
        name = keys[0].removeprefix("filter.").rpartition(".")[0]
        (repository / ".git" / "info" / "attributes").write_text(f"*.py filter={name}\n")
    head = git(repository, "rev-parse", "HEAD")
    blob = git(repository, "rev-parse", "HEAD:cuts.py")
    for key, value in PROGRAMS[what]:
        git(repository, "config", key, value.format(program=program, folder=planted))
    if what == "a transport":  # git would ask the remote for what is missing
        (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (repository / "cuts.py").write_text("pt = 4.5\n")
    state = provenance(started=STARTED)["git"]
    assert not (planted / "ran").exists()
    assert state in ({"commit": head, "dirty": True}, None)
    assert state is not None or what == "a transport"


def test_submodules_run_no_program(repository, tmp_path_factory):
    inner = tmp_path_factory.mktemp("inner")
    git(inner, "init", "-q")
    (inner / "a").write_text("a")
    git(inner, "add", "a")
    git(inner, "commit", "-q", "-m", "a")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "sub")
    git(repository, "commit", "-q", "-m", "sub")
    ran = inner / "ran"
    git(repository / "sub", "config", "core.fsmonitor", f"touch {ran}; false")
    git(repository / "sub", "config", "filter.x.clean", f"touch {ran}; cat")
    (repository / ".git" / "modules" / "sub" / "info" / "attributes").write_text("* filter=x\n")
    (repository / "sub" / "a").write_text("b")
    ran.unlink(missing_ok=True)
    assert provenance(started=STARTED)["git"]["dirty"] is False
    assert not ran.exists()


def test_the_environment_points_git_nowhere_else(repository, tmp_path_factory, monkeypatch):
    commit = git(repository, "rev-parse", "HEAD")
    other = tmp_path_factory.mktemp("other")
    git(other, "init", "-q")
    ran = other / "ran"
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.fsmonitor=touch {ran}'")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {ran}")
    assert provenance(started=STARTED)["git"] == {"commit": commit, "dirty": False}
    assert not ran.exists()


def test_a_working_directory_that_is_gone(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    record = provenance(started=STARTED)
    assert (record["directory"], record["git"]) == (None, None)


def test_without_repository_or_git(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert provenance(started=STARTED)["git"] is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance(started=STARTED)["git"] is None


def test_importing_nothing_to_find_versions():
    code = (
        "import sys, datetime; from tau3mu.results.provenance import provenance;"
        "provenance(started=datetime.datetime.now(datetime.timezone.utc));"
        "print([m for m in ('zfit', 'dask', 'coffea', 'awkward', 'uproot') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_environment_stays_out(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "abracadabra")
    assert "abracadabra" not in json.dumps(provenance(started=STARTED))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root://eos.ch//a.root?authz=Bearer%20ab.cd&x=1", "root://eos.ch//a.root?authz=***&x=1"),
        ("https://me:pass@host:80/x", "https://me:***@host:80/x"),
        ("--token=ab", "--token=***"),
        ('"tls://me:pw@h", "next"', '"tls://me:***@h", "next"'),
        (
            "root://xrootd.cern.ch:1094//store/a@b.root",
            "root://xrootd.cern.ch:1094//store/a@b.root",
        ),
        ("tokens and passwords: none", "tokens and passwords: none"),
    ],
)
def test_secrets_are_replaced(text, expected):
    assert redact(text) == expected


def test_the_command_is_free_of_secrets():
    command = ["python", "-m", "tau3mu.run", "--scheduler=tls://me:pw@host:8786"]
    assert provenance(started=STARTED, command=command)["command"] == [
        *command[:3],
        "--scheduler=tls://me:***@host:8786",
    ]
