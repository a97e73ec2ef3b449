"""Paths in train files: absolute in memory, relative to the file on disk where they can be."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.input_files import user_path
from tau3mu.storage.files import write_text
from tau3mu.storage.locations import is_url

if TYPE_CHECKING:
    from tau3mu.train.language import TrainFile

__all__ = ["with_absolute_paths", "without_folder", "write_document"]

_PATHS: Final = ("prefix", "layout", "site", "proxy", "certification", "brilcalc")


def with_absolute_paths(file: TrainFile, folder: Path) -> TrainFile:
    """Returns a content that means the same in every folder.

    Args:
        file: Its content.
        folder: From which relative paths start.
    """
    from tau3mu.fit.language import shipped_fits

    def absolute(text: str) -> str:
        return str(folder / user_path(text))

    def dataset(text: str) -> str:
        return text if _is_name(text) else absolute(text)

    wagons = {}
    for name, entry in file.wagons.items():
        update: dict[str, Any] = {}
        path, colon, cls = entry.processor.rpartition(":")
        if colon and path.endswith(".py"):
            update["processor"] = f"{absolute(path)}:{cls}"
        if entry.fit and Path(entry.fit).suffix and entry.fit not in shipped_fits():
            update["fit"] = absolute(entry.fit)
        if entry.datasets:
            update["datasets"] = tuple(map(dataset, entry.datasets))
        wagons[name] = entry.model_copy(update=update) if update else entry
    settings = file.settings
    places = {name: getattr(settings, name, None) for name in _PATHS}
    texts: dict[str, Any] = {
        name: type(value)(absolute(str(value)))  # a path or a text
        for name, value in places.items()
        if value is not None and not _is_word(name, str(value))
    }
    settings = settings.model_copy(update=texts) if texts else settings
    datasets = tuple(map(dataset, file.datasets))
    return file.model_copy(update={"wagons": wagons, "datasets": datasets, "settings": settings})


def _is_word(name: str, value: str) -> bool:
    """Returns whether a setting is a URL, or the name of a layout, rather than a path."""
    return is_url(value) or (name == "layout" and not Path(value).suffix)


def _is_name(dataset: str) -> bool:
    """Returns whether a text is a name of a dataset or a URL rather than a path."""
    plain = dataset.partition("@short:")[0]
    return is_url(plain) or not ("/" in plain or Path(plain).suffix in {".json", ".root"})


def without_folder(part: Any, folder: str) -> Any:
    """Returns a document with paths relative to a folder, if they are in it.

    Args:
        part: Of the document.
        folder: With a slash at its end.
    """
    if isinstance(part, dict):
        return {key: without_folder(value, folder) for key, value in part.items()}
    if isinstance(part, list):
        return [without_folder(value, folder) for value in part]
    return part.removeprefix(folder) if isinstance(part, str) else part


def write_document(file: Path, content: dict[str, Any]) -> None:
    """Writes the document of a train file.

    Args:
        file: In YAML if its name ends in `.yaml` or `.yml`, else in JSON.
        content: Of JSON values.

    Raises:
        RunError: The file cannot be written.
    """
    if file.suffix not in {".yaml", ".yml"}:
        write_text(file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        return
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = StringIO()
    yaml.dump(content, text)
    write_text(file, text.getvalue())
