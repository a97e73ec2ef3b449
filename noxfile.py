#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Tasks of the developers: `nox` runs lint and tests, `nox --list` shows all."""

from __future__ import annotations

import nox

nox.needs_version = ">=2024.4"
nox.options.default_venv_backend = "uv|virtualenv"


@nox.session(default=True)
def lint(session: nox.Session) -> None:
    """Check the format, the style, the types and the order of the packages."""
    session.install(".[test]", "import-linter>=2.4", "mypy>=1.11", "ruff>=0.9")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy", "-p", "tau3mu")
    session.run("mypy", "--config-file", "tests/mypy.ini", "tests", "benchmarks", "docs/site")
    session.run("lint-imports")


@nox.session(default=True)
def tests(session: nox.Session) -> None:
    """Run the tests."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def integration(session: nox.Session) -> None:
    """Run the tests of clusters, servers, browsers and killed processes, two side by side."""
    session.install(".[test,browser,xrootd,jobqueue,dashboard,train,postgres,web]")
    session.run("pytest", "-n", "2", "-m", "integration and not soak", *session.posargs)


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Run the tests of many and large files, random deaths and many toys: more than an hour."""
    session.install(".[test,browser,xrootd,jobqueue,dashboard,train,postgres,web]")
    session.run("pytest", "-m", "soak", *session.posargs)


@nox.session(default=False)
def minimums(session: nox.Session) -> None:
    """Run the tests with the lowest versions that the metadata allows."""
    session.install(".[test]", "--resolution=lowest-direct", silent=False)
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation as a site in `site/`, with warnings as errors."""
    session.install("-e", ".[docs]")
    session.run("mkdocs", "build", "--strict", *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the source distribution and the wheel."""
    session.install("build>=1.2")
    session.run("python", "-m", "build")


if __name__ == "__main__":
    nox.main()
