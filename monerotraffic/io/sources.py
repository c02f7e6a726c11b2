"""Sources of captures: a path, a glob, a folder or a list of these becomes a list of files."""

from __future__ import annotations

import glob
import gzip
import os
import re
import sys
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from monerotraffic import _core
from monerotraffic.errors import CaptureError, CaptureNotFoundError

__all__ = [
    "STDIN",
    "LeftOut",
    "Listing",
    "Source",
    "Sources",
    "files_of",
    "is_capture",
    "is_rereadable",
    "listing_of",
    "nodes_of",
]

STDIN = "-"


_MAGICS = frozenset(
    bytes.fromhex(magic)
    for magic in (
        *("a1b2c3d4", "d4c3b2a1"),  # pcap, microseconds
        *("a1b23c4d", "4d3cb2a1"),  # pcap, nanoseconds
        *("a1b2cd34", "34cdb2a1"),  # pcap as patched by Alexey Kuznetzov
        "0a0d0d0a",  # pcapng
    )
)
_GZIP = bytes.fromhex("1f8b")
_ZSTD = bytes.fromhex("28b52ffd")
_XZ = bytes.fromhex("fd377a58")
_BZIP2 = b"BZh"
_NAMED_AS_CAPTURE = re.compile(r"\.(pcap|pcapng|cap|ntar|dmp)\d*(\.|$)", re.IGNORECASE)
_HOLDS_FILES = re.compile("archive|compress")
_LOOKED_AT = 100
"""Entries of a subfolder that are tested for captures."""


class LeftOut(NamedTuple):
    """A file or folder in a folder that is not read."""

    path: str
    why: str
    notable: bool
    """It may hold packets."""


@dataclass(frozen=True)
class Listing:
    """The files of a source, for a caller that has to know them before they are read."""

    nodes: dict[str | None, list[str]]
    """By vantage node, as nodes_of returns them."""
    left_out: list[LeftOut]

    @property
    def files(self) -> list[str]:
        """The files of all vantage nodes."""
        return [file for files in self.nodes.values() for file in files]


Source = str | os.PathLike[str] | IO[bytes] | Iterable[str | os.PathLike[str]]
Sources = Source | Mapping[str, Source] | Listing


def listing_of(source: Sources) -> Listing:
    """The files of a source, which read and scan accept in its place. Errors as files_of."""
    left_out: list[LeftOut] = []
    return Listing(nodes_of(source, left_out), left_out)


def nodes_of(source: Sources, left_out: list[LeftOut] | None = None) -> dict[str | None, list[str]]:
    """The files of every vantage node, in order; the only key is None where the source names no
    nodes. Errors as files_of.
    """
    if isinstance(source, Listing):
        if left_out is not None:
            left_out += source.left_out
        return source.nodes
    if not isinstance(source, Mapping):
        return {None: files_of(source, left_out)}
    if not source:
        raise CaptureError("no vantage node is given")
    nodes: dict[str | None, list[str]] = {}
    for label, one in source.items():
        if not isinstance(label, str) or not label:
            raise TypeError(f"vantage node {label!r}: a name is a str that is not empty")
        nodes[label] = files_of(one, left_out)
    if len(nodes) > 1 and sum(STDIN in files for files in nodes.values()) > 1:
        raise ValueError("standard input can be read for one vantage node only")
    return nodes


def files_of(source: Source, left_out: list[LeftOut] | None = None) -> list[str]:
    """The files that a source stands for, each once (links and repetitions of one file included),
    as str.

    A folder stands for the captures directly in it, by name: files that begin like pcap or pcapng,
    plain or compressed (gzip, zstd, xz, bzip2, lz4); others are left out. A glob stands for the
    files that match, `**` crosses folders. "-" and sys.stdin (or its buffer) are standard input,
    which must be alone.

    Raises CaptureError for an empty list, a folder without captures or a glob without match,
    CaptureNotFoundError (which is a FileNotFoundError too) for a file that is not there, ValueError
    for standard input that is not alone, TypeError for what is no source.
    """
    files = _distinct(_expand(source, [] if left_out is None else left_out))
    if not files:
        raise CaptureError("nothing to read: the list of captures is empty")
    if STDIN in files and len(files) > 1:
        raise ValueError("standard input must be read alone, not together with files")
    return files


def is_rereadable(files: Iterable[str]) -> bool:
    """Whether all are regular files, which can be read twice."""
    return all(file != STDIN and os.path.isfile(file) for file in files)


def _expand(source: Any, left_out: list[LeftOut]) -> list[str]:
    if isinstance(source, (str, bytes, os.PathLike)):
        return _expand_path(os.fsdecode(source), left_out)
    if hasattr(source, "read"):
        if _is_stdin(source):
            return [STDIN]
        raise TypeError(
            f"{source!r}: standard input is the only open file that can be read; pass a path"
        )
    if isinstance(source, Iterable) and not isinstance(source, Mapping):
        return [file for one in source for file in _expand(one, left_out)]
    raise TypeError(
        f"{source!r} is not a source of captures: must be a path, a glob, a folder, a list "
        "of paths, "
        "or a dict with one of them for each vantage node"
    )


def _is_stdin(file: Any) -> bool:
    if file is sys.stdin:
        return True
    try:
        return bool(file.fileno() == 0)
    except (AttributeError, OSError, ValueError):
        return False


def _expand_path(path: str, left_out: list[LeftOut]) -> list[str]:
    if path == STDIN:
        return [STDIN]
    if not path:
        raise CaptureError("an empty path is no capture")
    if os.path.isdir(path):
        return _captures_in(path, left_out)
    if not os.path.lexists(path) and glob.has_magic(path):
        matches = [
            match for match in sorted(glob.glob(path, recursive=True)) if not os.path.isdir(match)
        ]
        if not matches:
            raise CaptureError(f"{path}: no file matches")
        return matches
    _status(path)
    return [path]


def _status(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise CaptureNotFoundError(path) from None
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}") from error


def _captures_in(folder: str, left_out: list[LeftOut]) -> list[str]:
    """The captures in a folder; what else is in it is added to `left_out`."""
    captures, others = [], []
    for path in _entries(folder):
        other = _refused(path)
        if other is None:
            captures.append(path)
        else:
            others.append(other)
    if not captures:
        reasons = "; ".join(f"{os.path.basename(other.path)}: {other.why}" for other in others[:5])
        raise CaptureError(
            f"{folder}: no capture in this folder" + (f" ({reasons})" if reasons else "")
        )
    left_out.extend(others)
    return captures


def _entries(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError as error:
        raise CaptureError(f"{folder}: {error.strerror}") from error


def _refused(path: str) -> LeftOut | None:
    """Why an entry of a folder is not read, None for a capture."""
    if os.path.isdir(path):
        held = _holds_captures(path)
        return LeftOut(path, "a subfolder with captures" if held else "a subfolder", held)
    if not os.path.isfile(path):
        return LeftOut(path, "not a regular file", False)
    try:
        if is_capture(path):
            return None
    except CaptureError as error:
        return LeftOut(path, str(error).removeprefix(f"{path}: "), True)
    why = _why_not(path) or "not pcap or pcapng"
    notable = bool(_NAMED_AS_CAPTURE.search(os.path.basename(path)) or _HOLDS_FILES.search(why))
    return LeftOut(path, why, notable)


def _holds_captures(folder: str) -> bool:
    try:
        return any(
            os.path.isfile(path) and is_capture(path) for path in _entries(folder)[:_LOOKED_AT]
        )
    except CaptureError:
        return True  # it cannot be looked into


def is_capture(path: str) -> bool:
    """Whether a file begins like pcap or pcapng, plain or compressed. Raises CaptureError if it
    cannot be opened.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(4)
            if start[:2] == _GZIP:
                file.seek(0)
                start = _gunzipped_start(file)
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}") from error
    if start in (_ZSTD, _XZ) or start[:3] == _BZIP2:
        return not _why_not(path)
    return start in _MAGICS


def _gunzipped_start(file: IO[bytes]) -> bytes:
    try:
        with gzip.GzipFile(fileobj=file) as plain:
            return plain.read(4)
    except (OSError, EOFError, zlib.error):
        return b""


def _why_not(path: str) -> str:
    """Why the core does not accept a file as a capture; empty if it does, or if only libpcap knows
    its format.
    """
    try:
        _core.Reader([path], ports=(), tables=()).close()
    except CaptureError as error:
        return str(error).removeprefix(f"{path}: ")
    return ""


def _distinct(files: Iterable[str]) -> list[str]:
    """Each file once, with the first of its names, so that no packet is read twice."""
    seen: set[tuple[int, int] | str] = set()
    distinct = []
    for file in files:
        identity: tuple[int, int] | str = file
        if file != STDIN:
            status = _status(file)
            identity = (status.st_dev, status.st_ino)
        if identity not in seen:
            seen.add(identity)
            distinct.append(file)
    return distinct
