"""Errors of the package, told by their code and path rather than by their sentences."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tau3mu.errors import Tau3muError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def raises(
    code: str,
    kind: type[Tau3muError] = Tau3muError,
    *,
    path: str | None = None,
    mentions: tuple[str, ...] | str = (),
) -> Iterator[pytest.ExceptionInfo[Tau3muError]]:
    """Expects an error of the package.

    Args:
        code: Its code.
        kind: Its class.
        path: The end of its path, such as the name of a file or the keys of a document.
        mentions: Names, numbers and lines that its message must hold: never sentences.
    """
    with pytest.raises(kind) as error:
        yield error
    assert error.value.code == code, f"{error.value.code}: {error.value}"
    if path is not None:
        assert error.value.path.endswith(path), f"{error.value.path}: {error.value}"
    for text in (mentions,) if isinstance(mentions, str) else mentions:
        assert text in str(error.value)
