"""decode: captures into a data set of Parquet files, once.

Owns which files are new, and the commit of a run. The rows are written by decoding.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from monerotraffic._version import __version__
from monerotraffic.io.ahead import known_threads
from monerotraffic.io.options import DEFAULT_PORTS, Hosts, Tunnels
from monerotraffic.io.progress import Progress
from monerotraffic.io.sources import Sources, is_rereadable, nodes_of
from monerotraffic.net.addresses import Host, canonical_addresses, canonical_hosts
from monerotraffic.store.dataset import Dataset
from monerotraffic.store.days import (
    captures_by_day,
    mark_continued,
    open_connections,
    survey,
)
from monerotraffic.store.decoding import Endpoints, Job, Run, decode_job, node_of, write_parts
from monerotraffic.store.manifest import (
    UNNAMED,
    DataSetError,
    Manifest,
    locked,
    merged_options,
    remove_strays,
    unfinished,
)
from monerotraffic.tables.schema import ALWAYS, ON_REQUEST, SCHEMA
from monerotraffic.tables.traffic import Traffic

__all__ = ["decode", "keep"]

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_SPACING = 1 << 36  # ids between the runs of processes that work at once


class _Plan(NamedTuple):
    """The new files of one vantage node."""

    vantage: str
    files: dict[str, tuple[str, int]]
    """Digest and size by path."""
    replaced: list[int]
    """Runs that are decoded again, because a file of theirs has grown."""


def decode(
    source: Sources,
    output: str | os.PathLike[str],
    *,
    host: Hosts | None = None,
    tables: Iterable[str] | None = None,
    ports: Iterable[int] = DEFAULT_PORTS,
    limits: Mapping[str, int] | None = None,
    tunnels: Tunnels = "inner",
    tunnel_ports: Iterable[int] = (),
    trusted_tunnels: Iterable[Host] = (),
    trusted_proxies: Iterable[Host] = (),
    progress: Progress = False,
    threads: int | None = None,
    client: Any = None,
) -> Dataset:
    """Decodes captures into a data set, in bounded memory, and returns the open data set.

    source
        As for read. A dict from the name of a vantage node to its source makes one partition for
        each. Files only, because a data set recognises captures by their content.
    output
        The folder of the data set, which is created, or continued: captures that it contains are
        left out, whatever their names are now. Options other than `host` must be the same in every
        run.
    client
        A dask.distributed.Client: its workers decode the days of all vantage nodes side by side,
        each a run of its own. They need the same captures and folder under the same paths. The
        captures are read before, without their messages, to know their days, and once more without
        `host`.

    The other arguments are those of scan; `messages` is always decoded.

    A data set has one folder for each table, with a partition for each vantage node and day
    (`messages/vantage=ams/day=2026-05-01/…parquet`). The day of a connection, and of all rows that
    belong to it, is the UTC day of its first packet, so that a connection over midnight stays
    whole. A connection that continues in the captures of a later run is two rows: the first has the
    end `open`; the second has the start `midstream`, and `continues` holds the id of the first. Ids
    are unique in the data set.

    A run is committed when its entry is in `manifest.json`. If a run is killed, the data set is as
    it was before; the next run removes what is left. A capture that has grown since it was decoded
    (the last file of a ring) is decoded again together with the other files of its run.

    Raises DataSetError (a ValueError) if the folder holds something else, another process is
    writing to it, or the options differ; ImportError without pyarrow; OSError; and the errors of
    scan.

    >>> import monerotraffic as mt
    >>> dataset = mt.decode("tests/data/honest", "traffic")
    >>> dataset.messages.to_pandas(columns=["peer", "name"]).head(2)
               peer                   name
    0  203.0.113.11              HANDSHAKE
    1  203.0.113.11  GET_TXPOOL_COMPLEMENT
    """
    nodes = nodes_of(source)
    named = isinstance(source, Mapping)
    _check_names(nodes)
    options = {
        "tables": list(_tables(tables)),
        "ports": sorted({*DEFAULT_PORTS, *ports}),
        "limits": dict(limits or {}),
        "tunnels": tunnels,
        "tunnel_ports": sorted(tunnel_ports),
        "trusted_tunnels": list(canonical_addresses(trusted_tunnels, "trusted_tunnels")),
        "trusted_proxies": list(canonical_addresses(trusted_proxies, "trusted_proxies")),
    }
    folder = Path(output)
    _check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        manifest = Manifest(folder)
        if manifest.exists():
            manifest = Manifest.load(folder)
        merged_options(manifest, options, named)
        plans = [_plan(label or UNNAMED, files, manifest) for label, files in nodes.items()]
        plans = [plan for plan in plans if plan.files]
        with unfinished(manifest) as temporary:
            reading = {"hosts": _hosts(host, named), "threads": known_threads(threads)}
            _run(plans, manifest, temporary, reading, progress, client)
        if not manifest.exists():
            manifest.save()
    return Dataset(folder)


def keep(parts: Iterable[Traffic], output: str | os.PathLike[str]) -> Dataset:
    """Writes the parts of a scan to a new data set, with the ids of the scan, and returns the open
    data set. It has no record of the captures, so it cannot be continued by decode.

    Raises DataSetError if the folder is not empty, ImportError without pyarrow, OSError, and what
    the scan raises.

    >>> import monerotraffic as mt
    >>> from monerotraffic import store
    >>> dataset = store.keep(mt.scan("tests/data/honest", rows=100), "kept")
    >>> len(dataset.messages)
    346
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise DataSetError(f"{folder}: not empty")
    first = dict.fromkeys(("connection", "message", "file", "row", "run"), 0)
    with locked(folder):
        manifest = Manifest(folder)
        with unfinished(manifest) as temporary:
            for label, group in itertools.groupby(parts, lambda part: node_of(part).label):
                job = Job(temporary, label or UNNAMED, first["run"], (), {}, first)
                run = write_parts(job, _noting(group, manifest))
                _commit(manifest, _Plan(job.vantage, {}, []), run)
                first = {**first, "run": first["run"] + 1, "row": manifest.next["row"]}
        manifest.save()
    return Dataset(folder)


def _noting(parts: Iterable[Traffic], manifest: Manifest) -> Iterator[Traffic]:
    """The parts; their tables become those of the data set."""
    for part in parts:
        manifest.options["tables"] = list(part.arrays)
        manifest.named = bool(part.vantages)
        yield part


def _tables(tables: Iterable[str] | None) -> tuple[str, ...]:
    """All tables to decode, messages among them."""
    if tables is None:
        return tuple(name for name in SCHEMA if name not in ON_REQUEST)
    if isinstance(tables, str | bytes):
        raise TypeError(f"tables={tables!r}: give a list of names")
    wanted = {*tables, *ALWAYS, "messages"}
    unknown = sorted(wanted - set(SCHEMA), key=str)
    if unknown:
        raise ValueError(f"unknown table {unknown[0]!r}: must be one of {', '.join(SCHEMA)}")
    return tuple(name for name in SCHEMA if name in wanted)


def _check_names(nodes: Mapping[str | None, list[str]]) -> None:
    for label, files in nodes.items():
        if label is not None and (not set(label) <= _SAFE or label.startswith(".")):
            raise DataSetError(
                f"vantage node {label!r}: in a data set a name has letters, digits, '.', '_' and "
                "'-' only, and does not begin with '.'"
            )
        if not is_rereadable(files):
            raise DataSetError("a data set is made of files, not of standard input or a pipe")


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise DataSetError(f"{folder}: not a folder")
    if folder.is_dir() and not Manifest(folder).exists():
        others = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
        foreign = sorted(set(others) - set(SCHEMA))
        if foreign:
            raise DataSetError(f"{folder}: not a data set, and not empty ({foreign[0]})")


def _hosts(host: Hosts | None, named: bool) -> dict[str, tuple[str, ...]]:
    """The given addresses of each vantage node, under "" those of all others."""
    if host is None:
        return {}
    if not isinstance(host, Mapping):
        return {"": canonical_hosts(host)}
    if not named:
        raise ValueError("host= is a dict, but the source names no vantage nodes")
    return {label: canonical_hosts(one) for label, one in host.items()}


# ---- what is new ----


def _plan(vantage: str, files: Iterable[str], manifest: Manifest) -> _Plan:
    """The files of a vantage node that the data set lacks, each content once, and the runs that
    they replace.
    """
    known = manifest.digests
    new: dict[str, tuple[str, int]] = {}
    for path in files:
        digest, size = _digest(path)
        if (vantage, digest) not in known:
            known.add((vantage, digest))
            new[path] = digest, size
    replaced = [
        run["run"]
        for run in manifest.runs
        if run["vantage"] == vantage and any(_has_grown(file, new) for file in run["files"])
    ]
    for run in manifest.runs:
        if run["run"] in replaced:
            new = {**_again(run, new), **new}
    return _Plan(vantage, new, replaced)


def _digest(path: str, size: int | None = None) -> tuple[str, int]:
    """BLAKE2b of a file, or of its first bytes, and how many bytes that are."""
    digest, done = hashlib.blake2b(digest_size=16), 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20 if size is None else min(1 << 20, size - done)):
            digest.update(block)
            done += len(block)
    return digest.hexdigest(), done


def _has_grown(old: Mapping[str, Any], new: Mapping[str, tuple[str, int]]) -> bool:
    """Whether one of the new files begins with an old one, which had the same name."""
    path, size = old["path"], old["bytes"]
    return path in new and new[path][1] > size and _digest(path, size)[0] == old["digest"]


def _again(
    run: Mapping[str, Any], new: Mapping[str, tuple[str, int]]
) -> dict[str, tuple[str, int]]:
    """The files of a run that is decoded again. Raises DataSetError if one is gone."""
    files = {}
    for file in run["files"]:
        path = file["path"]
        if path in new and _has_grown(file, new):
            continue
        if not os.path.isfile(path) or _digest(path)[0] != file["digest"]:
            grown = next(one["path"] for one in run["files"] if _has_grown(one, new))
            raise DataSetError(
                f"{grown} has grown since it was decoded, and {path}, which was decoded with it, "
                "is gone: rename the longer file to keep both, or decode into another folder"
            )
        files[path] = file["digest"], file["bytes"]
    return files


# ---- runs ----


def _run(
    plans: Iterable[_Plan],
    manifest: Manifest,
    temporary: Path,
    reading: Mapping[str, Any],
    progress: Progress,
    client: Any,
) -> None:
    """Decodes and commits every vantage node by itself."""
    if client is None:
        for plan in plans:
            job = _job(plan, manifest, temporary, reading, dict(manifest.next))
            _commit(manifest, plan, decode_job(job, progress))
        return
    pairs = _submitted(plans, manifest, temporary, reading, client)
    before: dict[str, Run] = {}
    for plan, future in pairs:
        run = future.result()
        if plan.vantage in before:
            mark_continued(run, before[plan.vantage])
        before[plan.vantage] = run
    for plan, future in pairs:
        _commit(manifest, plan, future.result())


def _submitted(
    plans: Iterable[_Plan],
    manifest: Manifest,
    temporary: Path,
    reading: Mapping[str, Any],
    client: Any,
) -> list[tuple[_Plan, Any]]:
    """The days of each vantage node, in order, as jobs of the workers of a client."""
    surveys = [(plan, _surveyed(plan, manifest, reading, client)) for plan in plans]
    first = dict(manifest.next)
    pairs = []
    for plan, futures in surveys:
        done = [future.result() for future in futures]
        spans = {path: span for one in done for path, span in one.spans.items()}
        known = {**reading, "hosts": {plan.vantage: done[0].hosts}}
        for number, files in enumerate(captures_by_day(plan.files, spans)):
            chosen = {path: plan.files[path] for path in files}
            day = _Plan(plan.vantage, chosen, plan.replaced if number == 0 else [])
            job = _job(day, manifest, temporary, known, first)
            if number > 0:
                job = dataclasses.replace(job, open={})
            pairs.append((day, client.submit(decode_job, job, pure=False)))
            first = {
                "connection": first["connection"] + _SPACING,
                "message": first["message"] + _SPACING,
                "row": first["row"] + _SPACING,
                "file": first["file"] + len(day.files),
                "run": first["run"] + 1,
            }
    return pairs


def _surveyed(
    plan: _Plan, manifest: Manifest, reading: Mapping[str, Any], client: Any
) -> list[Any]:
    """Surveys of the captures of a vantage node: of each file by itself if its addresses are given,
    otherwise of all together, because they are inferred from all.
    """
    options = _options(plan, manifest, reading)
    files = list(plan.files)
    divided = [[file] for file in files] if options["host"] else [files]
    return [client.submit(survey, part, options, pure=False) for part in divided]


def _job(
    plan: _Plan,
    manifest: Manifest,
    temporary: Path,
    reading: Mapping[str, Any],
    first: dict[str, int],
) -> Job:
    own = temporary / f"{first['run']:06d}"
    own.mkdir()
    options = _options(plan, manifest, reading)
    return Job(
        own,
        plan.vantage,
        first["run"],
        tuple(plan.files),
        options,
        first,
        _open_connections(plan, manifest),
    )


def _options(plan: _Plan, manifest: Manifest, reading: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments of scan."""
    hosts = reading["hosts"]
    return {
        **manifest.options,
        "host": hosts.get(plan.vantage, hosts.get("")) or None,
        "threads": reading["threads"],
    }


def _open_connections(plan: _Plan, manifest: Manifest) -> dict[Endpoints, int]:
    """The connections of the last run of a vantage node that were open at its end."""
    runs = [
        run
        for run in manifest.runs
        if run["vantage"] == plan.vantage and run["run"] not in plan.replaced
    ]
    parts = runs[-1]["tables"].get("connections", {"parts": ()})["parts"] if runs else ()
    return open_connections([manifest.folder / part for part in parts])


def _commit(manifest: Manifest, plan: _Plan, run: Run) -> None:
    """Moves the files of a run to their places and adds the run to the manifest."""
    tables: dict[str, dict[str, Any]] = {}
    for one in run.written:
        place = manifest.folder / one.part
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(one.path, place)
        entry = tables.setdefault(one.table, {"rows": 0, "parts": []})
        entry["rows"] += one.rows
        entry["parts"].append(one.part)
    first = run.job.first
    manifest.runs = [old for old in manifest.runs if old["run"] not in plan.replaced]
    manifest.runs.append(
        {
            "run": run.job.run,
            "version": __version__,
            "vantage": run.job.vantage,
            "hosts": list(run.hosts),
            "connections": [run.begin, run.begin + run.used["connection"]],
            "files": [_file(path, *plan.files[path], run.spans) for path in sorted(plan.files)],
            "tables": tables,
            "limits_reached": run.limits_reached,
        }
    )
    for kind, used in run.used.items():
        manifest.next[kind] = max(manifest.next[kind], first[kind] + used)
    manifest.next["run"] = max(manifest.next["run"], run.job.run + 1)
    manifest.save()
    if plan.replaced:
        remove_strays(manifest)


def _file(
    path: str, digest: str, size: int, spans: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    times = spans.get(path, (np.iinfo(np.int64).min,) * 2)
    first, last = (
        None
        if time == np.iinfo(np.int64).min
        else f"{np.datetime_as_string(np.datetime64(time, 'ns'))}Z"
        for time in times
    )
    return {
        "path": path,
        "bytes": size,
        "digest": digest,
        "first_time": first,
        "last_time": last,
    }
