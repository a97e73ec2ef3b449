"""Site files, which describe the clusters at a place.

A site file is TOML or JSON with one part per cluster, `clusters.NAME`, and, if the clusters share
certificates, a part `tls`:

    [clusters.batch]
    kind = "slurm"
    maximum = 50
    memory = "2 GB"

It is the file of `--site`, else that of `$TAU3MU_SITE`, else `~/.config/tau3mu/site.toml`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError

from tau3mu.clusters.kinds import KINDS, Cluster, Tls
from tau3mu.config.documents import Strict, read_document
from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError, suggest

__all__ = ["Site", "load_site"]

_VARIABLE: Final = "TAU3MU_SITE"
_DEFAULT: Final = Path("~/.config/tau3mu/site.toml")


_Cluster = Annotated[Cluster, Field(discriminator="kind")]


class Site(Strict):
    """The content of a site file; without one there are only the defaults of each kind."""

    clusters: dict[str, _Cluster] = Field(default_factory=dict)
    tls: Tls | None = None
    _source: str = "no site file"

    @property
    def source(self) -> str:
        """The name of the file in messages."""
        return self._source

    def cluster(self, name: str) -> Cluster:
        """Returns the cluster of a name, or the only one of a kind.

        Args:
            name: Of a cluster; or a kind, whose defaults are used if the file has none of it.

        Raises:
            InputError: There is no such cluster, or more than one of the kind, or its defaults are
                not enough.
        """
        if name in self.clusters:
            return self.clusters[name]
        if name not in KINDS:
            known = [*self.clusters, *KINDS]
            message = (
                f"unknown cluster {name!r}{suggest(name, known)}; {self.source} has: "
                f"{', '.join(self.clusters) or 'none'}; kinds: {', '.join(KINDS)}"
            )
            raise InputError(message, code="site.unknown-cluster", path=name)
        same = [key for key, cluster in self.clusters.items() if cluster.kind == name]
        if len(same) > 1:
            message = (
                f"{self.source} has several clusters of kind {name!r}; choose one by its name: "
                f"{', '.join(same)}"
            )
            raise InputError(message, code="site.several-clusters", path=name)
        if same:
            return self.clusters[same[0]]
        try:
            return KINDS[name].model_validate({})
        except ValidationError as error:
            key = f"clusters.{name}.{error.errors()[0]['loc'][0]}"
            message = f"missing key {key} ({self.source}): describe the cluster in a site file"
            raise InputError(message, code="site.missing-key", path=key) from error


def load_site(file: Path | None = None) -> Site:
    """Returns the content of a site file.

    Args:
        file: In TOML or JSON; by default that of `$TAU3MU_SITE`, else that of the default place if
            there is one.

    Raises:
        InputError: It cannot be read or is not a site file; the message names lines and keys.
    """
    path = file or _found()
    if path is None:
        return Site()
    document = read_document(path, "site file", language="site")
    site = document.validate(Site)
    site._source = document.source
    return site


def _found() -> Path | None:
    if os.environ.get(_VARIABLE):
        return Path(os.environ[_VARIABLE])
    default = user_path(_DEFAULT)
    return default if default.is_file() else None
