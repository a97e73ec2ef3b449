"""Local clusters do without pandas, which Dask imports to compare versions."""

from __future__ import annotations

import sys

import pytest
from distributed import versions

from tau3mu.clusters import connect


def has_pandas():
    return "pandas" in sys.modules


@pytest.mark.integration
def test_workers_do_not_import_pandas(recwarn):
    """Fails if each worker takes half a second more to start; versions must still agree."""
    before = [*versions.optional_packages]
    with connect(workers=1) as client:
        assert not any(client.run(has_pandas).values())
        compared = client.get_versions(check=True)
        assert {"numpy", "cloudpickle"} <= compared["client"]["packages"].keys()
    assert [str(one.message) for one in recwarn if "versions" in str(one.message)] == []
    assert [*versions.optional_packages] == before
