"""Points and studies with numbers that are easy to reckon with."""

from __future__ import annotations

import pytest

from tau3mu.benchmark.study import Found, Point, Run, Sample, Setup, Study


@pytest.fixture
def found():
    return Found({"all": 1000, "hlt": 500}, 20, "a" * 64, 38.5)


@pytest.fixture
def make_point(found):
    def make(
        *,
        events=1000,
        wall=(2.0,),
        cpu=None,
        peak=300_000_000,
        loop=None,
        series="size",
        executor="iterative",
        workers=1,
        **changes,
    ):
        sample = Sample(
            "t3m",
            "std::vector TTree",
            "zlib-1",
            1,
            events,
            3000 * events,
            300 * events,
            900 * events,
        )
        runs = tuple(
            Run(
                wall=seconds,
                cpu=seconds if cpu is None else cpu,
                peak=peak,
                peak_tree=peak,
                read=None,
                stages={} if loop is None else {"reading": 1.0, "read": 1.0 + loop},
            )
            for seconds in wall
        )
        setup = Setup(executor, workers)
        return Point(series, "tau3mu", sample, setup, runs, changes.get("found", found))

    return make


@pytest.fixture
def machine():
    return {
        "processor": "Abacus",
        "cores": 2,
        "memory": 8_000_000_000,
        "load": 0.25,
        "python": "3.11.7",
        "versions": {"tau3mu": "0.1.0", "uproot": "5.7.7", "awkward": "2.14.0"},
        "started": "2026-01-01T00:00:00+00:00",
    }


@pytest.fixture
def study(machine, make_point):
    made = Study(machine=machine)
    made.points = [
        make_point(events=1000, wall=(2.0, 2.2, 2.1)),
        make_point(events=2000, wall=(3.1,)),
        make_point(events=3000, wall=(4.1,)),
        make_point(series="workers", executor="dask", workers=1, loop=8.0),
        make_point(series="workers", executor="dask", workers=4, loop=2.5),
    ]
    made.add("a ratio", "0.45", "<= 0.5", met=True)
    made.add("another", "0.55", "<= 0.5", met=False)
    made.add("a third", "no ROOT", "<= 0.5", met="not run")
    return made
