"""The manifest of a data set: its options, runs and files.

The manifest is the commit point: a file of a table belongs to the data set if a run lists it. Owns
its form, its lock and what a killed run left. Knows no rows.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monerotraffic.atomic import replacing
from monerotraffic.tables.schema import SCHEMA

__all__ = [
    "UNNAMED",
    "DataSetError",
    "Manifest",
    "locked",
    "merged_options",
    "remove_strays",
    "unfinished",
]

_NAME = "manifest.json"
_LOCK = ".lock"
_UNFINISHED = ".unfinished"
_FORMAT = 1

UNNAMED = "default"
"""The partition of captures that were decoded without the name of a vantage node."""


class DataSetError(ValueError):
    """A folder is no data set, or a data set cannot be continued with these options.

    >>> import monerotraffic as mt
    >>> try:
    ...     mt.decode("tests/data/honest", "traffic", ports=[18081])
    ... except mt.store.DataSetError as error:
    ...     print(error)
    traffic: decoded with ports=[18080, 28080, 38080], not [18080, 18081, 28080, 38080]
    """


class Manifest:
    """What a data set holds. `runs` are dicts: vantage, hosts, version, the ids of its first
    connection and the id after its last, files (path, bytes, digest, first and last time), tables
    (rows and parts of each), limits_reached.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options: dict[str, Any] = {}
        self.named = False
        self.runs: list[dict[str, Any]] = []
        self.next = {"connection": 0, "message": 0, "file": 0, "row": 0, "run": 0}
        """The first unused id of each kind."""

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Reads the manifest of a data set. Raises DataSetError, FileNotFoundError without one, and
        OSError.
        """
        manifest = cls(folder)
        path = folder / _NAME
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise FileNotFoundError(
                2, "no data set (no manifest.json); monerotraffic decode writes one", str(folder)
            ) from None
        except ValueError as error:
            raise DataSetError(f"{path}: not a manifest: {error}") from None
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise DataSetError(f"{path}: not a manifest of format {_FORMAT}")
        manifest.options, manifest.named = content["options"], content["named"]
        manifest.runs, manifest.next = content["runs"], content["next"]
        return manifest

    def save(self) -> None:
        """Writes the manifest, whole or not at all: commits what it lists. Raises OSError."""
        content = {
            "format": _FORMAT,
            "named": self.named,
            "options": self.options,
            "next": self.next,
            "runs": self.runs,
        }
        with replacing(self.folder / _NAME) as file:
            json.dump(content, file, indent=1, ensure_ascii=False)
            file.write("\n")

    def exists(self) -> bool:
        """Whether there is a manifest on disk."""
        return (self.folder / _NAME).exists()

    @property
    def digests(self) -> set[tuple[str, str]]:
        """Vantage and digest of every decoded file."""
        return {(run["vantage"], file["digest"]) for run in self.runs for file in run["files"]}

    def parts(self, table: str) -> list[str]:
        """The files of a table, relative to the folder, in order of runs."""
        return [
            part for run in self.runs for part in run["tables"].get(table, {"parts": ()})["parts"]
        ]

    def rows(self, table: str) -> int:
        """The number of rows of a table."""
        return sum(run["tables"].get(table, {"rows": 0})["rows"] for run in self.runs)

    @property
    def tables(self) -> tuple[str, ...]:
        """The decoded tables, in the order of the schema."""
        return tuple(name for name in SCHEMA if name in self.options.get("tables", ()))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the lock. Raises DataSetError if another process holds it, and OSError."""
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataSetError(f"{folder}: another process is writing to this data set") from None
        yield


@contextlib.contextmanager
def unfinished(manifest: Manifest) -> Iterator[Path]:
    """A folder for files that are not committed. What a killed run left is removed first, and
    the folder at the end. To be used within the lock. Raises OSError.
    """
    folder = manifest.folder
    temporary = folder / _UNFINISHED
    shutil.rmtree(temporary, ignore_errors=True)
    remove_strays(manifest)
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_strays(manifest: Manifest) -> None:
    """Removes files of tables that no run lists: a run was killed before it could commit them, or
    was replaced.
    """
    folder = manifest.folder
    listed = {part for table in SCHEMA for part in manifest.parts(table)}
    for table in SCHEMA:
        for path in (folder / table).rglob("*.parquet"):
            if os.fspath(path.relative_to(folder)) not in listed:
                path.unlink()


def merged_options(manifest: Manifest, options: Mapping[str, Any], named: bool) -> None:
    """Sets the options of a new data set, or compares them with those of an existing one. Raises
    DataSetError where they differ.
    """
    if not manifest.runs:
        manifest.options, manifest.named = dict(options), named
        return
    if manifest.named != named:
        raise DataSetError(
            f"{manifest.folder}: decoded with{'' if manifest.named else 'out'} names of vantage "
            f"nodes; continue it with{'' if manifest.named else 'out'} names"
        )
    for name, value in options.items():
        if manifest.options.get(name) != value:
            raise DataSetError(
                f"{manifest.folder}: decoded with {name}={manifest.options.get(name)!r}, not "
                f"{value!r}"
            )
