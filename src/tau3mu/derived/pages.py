"""The pages of RNTuples, copied from file to file as they are compressed.

The names of uproot that this needs may change at any time; without its classes the import fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uproot.writing._cascadentuple import (
    NTuple_ClusterGroupRecord,
    NTuple_ClusterSummary,
    NTuple_ColumnPageListDescription,
    NTuple_EnvLink,
    NTuple_Locator,
    NTuple_PageDescription,
    NTuple_PageListEnvelope,
)

from tau3mu.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

__all__ = ["copy_clusters"]


def copy_clusters(target: Any, sources: Iterable[Any]) -> None:
    """Copies the clusters of RNTuples into one that is new, in their order.

    Args:
        target: What `mkrntuple` of uproot returns, without entries.
        sources: Open RNTuples with the same fields.

    Raises:
        RunError: One of them has other fields.
    """
    new, sink = target._cascading, target._file.sink
    header, counts = new._header._checksum, new._column_counts
    summaries, clusters, entries = [], [], 0
    for source in sources:
        if source.header.checksum != header:
            message = (
                "files of one dataset whose branches have different types cannot become one skim: "
                f"put those of each version into a dataset of their own ({source.file.file_path})"
            )
            raise RunError(message, code="derived.different-types")
        for summary, columns in zip(source.cluster_summaries, source.page_link_list, strict=True):
            # One range of bytes; the keys between its pages come along, and nobody reads them.
            places = [page.locator for column in columns for page in column.pages]
            start = min(place.offset for place in places)
            stop = max(place.offset + place.num_bytes for place in places)
            data = source.file.source.chunk(start, stop).raw_data
            moved = _write(new, sink, data).offset - start
            clusters.append(_cluster(columns, moved, counts))
            summaries.append(NTuple_ClusterSummary(entries, summary.num_entries))
            entries += summary.num_entries
    if not clusters:
        return
    new._num_entries = entries
    pages = NTuple_PageListEnvelope(header, summaries, clusters).serialize()
    link = NTuple_EnvLink(len(pages), _write(new, sink, pages))
    group = NTuple_ClusterGroupRecord(0, entries, len(clusters), link)
    new._footer.cluster_group_record_frames.append(group)
    footer = _write(new, sink, new._footer.serialize())
    anchor = new._anchor
    anchor.seek_footer = footer.offset
    anchor.nbytes_footer = anchor.len_footer = footer.num_bytes
    sink.write(anchor.location, anchor.serialize())
    new.sync(sink)


def _write(new: Any, sink: Any, data: Any) -> NTuple_Locator:
    key = new.add_rblob(sink, data, len(data))
    return NTuple_Locator(len(data), key.location + key.allocation)


def _cluster(
    columns: Sequence[Any], moved: int, counts: npt.NDArray[np.int64]
) -> list[NTuple_ColumnPageListDescription]:
    """Returns where the pages of a cluster are now, and adds their elements to the counts."""
    cluster = []
    for index, column in enumerate(columns):
        pages = [
            NTuple_PageDescription(
                page.num_elements,
                NTuple_Locator(page.locator.num_bytes, page.locator.offset + moved),
            )
            for page in column.pages
        ]
        settings = column.compression_settings
        cluster.append(NTuple_ColumnPageListDescription(pages, counts[index], settings))
        counts[index] += sum(page.num_elements for page in column.pages)
    return cluster
