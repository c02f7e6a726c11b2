"""monerotraffic run: everything for a folder of captures with one subfolder per vantage node.

Owns the layout of the results, and the state by which a later run skips what is done. Each node is
read by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from monerotraffic import banlist
from monerotraffic._version import __version__
from monerotraffic.atomic import replacing
from monerotraffic.cli.arguments import (
    Captures,
    add_command,
    add_preset,
    described,
    run_name,
    tunnel_options,
)
from monerotraffic.cli.evidence import evidence
from monerotraffic.cli.output import (
    Failed,
    complain,
    file_failed,
    hosts,
    print_json,
    shows_progress,
    sources,
)
from monerotraffic.cli.systems import add_databases, systems_of
from monerotraffic.errors import CaptureError, printable
from monerotraffic.io.sources import files_of
from monerotraffic.report.summary import counted
from monerotraffic.report.text import csv_cell

__all__ = ["add", "run"]

_NO_NODES = frozenset({"archive"})
"""Subfolders that are no vantage nodes."""
_DATA_SET = "traffic"
_RESULTS = """Writes to the folder of the
results: traffic/, a data set (with pyarrow); for each node a folder with report.html, findings.csv
and ban lists; findings.csv and ban lists of all nodes; state.json. Run again, it continues: a node
whose captures and options are the same is not read again. Subfolders called archive are skipped.
A folder without subfolders is one node."""


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "run",
        "decode, judge and report the captures of all vantage nodes: one subfolder a node",
        run,
        Captures("FOLDER", "folder with a subfolder of captures for each vantage node"),
        (
            "monerotraffic run captures/ -o results",
            "monerotraffic run captures/ -o results-with --name with --paper",
            "monerotraffic run --node ams=ams/ --node sfo=/mnt/sfo/ -o results",
        ),
    )
    command.description = described(f"{command.description} {_RESULTS}")
    add_preset(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        default="results",
        help="folder of the results, created or continued (default: results)",
    )
    command.add_argument(
        "--name",
        type=run_name,
        metavar="NAME",
        help="name of the run, for titles, macros and figures: with or without (a ban list)",
    )
    command.add_argument(
        "--paper",
        action="store_true",
        help="also write the figures as PDF and the numbers as LaTeX macros",
    )
    add_databases(command)


def run(options: argparse.Namespace) -> None:
    nodes = _nodes(options)
    folder = Path(options.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        state = _State(folder / "state.json")
        failures = [_node(options, name, files, folder, state) for name, files in nodes.items()]
        failed = [failure for failure in failures if failure]
        done = [name for name, failure in zip(nodes, failures, strict=True) if not failure]
        _join(folder, done, {host for name in done for host in state.nodes[name]["hosts"]})
    except OSError as error:
        raise file_failed(error, options.output) from None
    results = {name: os.fspath(folder / name) for name in done}
    if options.json:
        print_json({"output": options.output, "nodes": results})
    else:
        print(f"{counted(len(done), 'node')}: results in {printable(options.output)}")
    if failed:
        raise Failed("; ".join(failed))


# ---- the nodes


def _nodes(options: argparse.Namespace) -> dict[str, list[str]]:
    """The capture files of each vantage node, in order of name."""
    source = sources(options)
    if isinstance(source, list):
        if len(source) != 1 or not os.path.isdir(source[0]):
            options.usage_error("give one folder with a subfolder for each node, or --node")
        source = _subfolders(Path(source[0]))
    for name in source:
        if name in (".", "..", _DATA_SET) or "/" in name or "\0" in name:
            options.usage_error(f"{name!r} is no name of a node")
    try:
        return {name: files_of(source[name]) for name in sorted(source)}
    except CaptureError as error:
        raise Failed(error) from None


def _subfolders(folder: Path) -> dict[str, list[str]]:
    """The folders of the nodes by name: subfolders with captures, else the folder itself."""
    nodes: dict[str, list[str]] = {}
    for one in sorted(folder.iterdir()):
        if one.is_dir() and one.name not in _NO_NODES and not one.name.startswith("."):
            try:
                nodes[one.name] = files_of(os.fspath(one))
            except CaptureError as error:
                complain(f"{error}: not a vantage node")
    return nodes or {folder.resolve().name or "node": [os.fspath(folder)]}


def _node(
    options: argparse.Namespace, name: str, files: list[str], folder: Path, state: _State
) -> str:
    """Does what is left to do for one node. Returns why it failed; the others go on."""
    mark = _mark(options, name, files)
    if state.mark(name) == mark and (folder / name / "report.html").exists():
        _say(options, f"{name}: done before")
        return ""
    _say(options, f"{name}: {counted(len(files), 'file')}")
    given = hosts(options)
    own = given.get(name) if isinstance(given, dict) else given
    single = argparse.Namespace(**{**vars(options), "captures": files, "node": [], "host": own})
    try:
        if importlib.util.find_spec("pyarrow") is not None:
            from monerotraffic.store import decode

            where = folder / _DATA_SET
            more = {**tunnel_options(options), "threads": options.threads}
            bar = shows_progress(options)
            decode({name: files}, where, host=own, ports=options.port, **more, progress=bar)
        with contextlib.ExitStack() as single.closing:
            addresses = _report(single, name, folder / name)
    except (Failed, CaptureError, ValueError) as error:
        return f"{name}: {error}"
    options.partly_read |= single.partly_read
    state.set(name, mark, addresses)
    return ""


def _report(options: argparse.Namespace, name: str, folder: Path) -> list[str]:
    """Reports a node and returns its addresses."""
    from monerotraffic import report

    view = evidence(options).view
    systems = systems_of(view, options, all_hosts=options.paper)
    title = " ".join(one for one in ("Monero P2P traffic:", name, options.name) if one)
    try:
        written = report.write(
            view,
            folder,
            options.preset,
            title,
            options.paper,
            systems,
            redact=options.redact,
            run=options.name or "",
        )
    except ImportError as error:
        raise Failed(f"{error}: pip install 'monerotraffic[report]'") from None
    banned = banlist.read(written.ban_list)
    _say(options, f"{name}: {counted(len(banned), 'anomalous peer')}, {written.page}")
    return list(view.traffic.hosts)


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.json:
        print(printable(text), flush=True)


# ---- all nodes together


def _join(folder: Path, nodes: list[str], addresses: set[str]) -> None:
    """Writes the findings and the ban lists of all nodes. `addresses` are those of the nodes, which
    no list bans: the nodes can be peers of each other.
    """
    if not nodes:
        return
    findings = pd.concat(
        pd.read_csv(folder / name / "findings.csv", dtype=str, keep_default_na=False).assign(
            node=csv_cell(name)
        )
        for name in nodes
    )
    with replacing(folder / "findings.csv", newline="") as file:
        findings.to_csv(file, index=False)
    own = banlist.BanList(banlist.Entry(banlist.network_of(host)) for host in sorted(addresses))
    read = [banlist.read(folder / name / "ban_list.txt") for name in nodes]
    listed = banlist.merge(*read).without(own)
    head = [f"Generated by monerotraffic {__version__} from {counted(len(nodes), 'vantage node')}."]
    banlist.write(listed, folder / "ban_list.txt", head=head)
    banlist.write(listed, folder / "ban_list_plain.txt", comments=False)


# ---- the state


def _mark(options: argparse.Namespace, name: str, files: list[str]) -> str:
    """Of the captures, the options and the version: equal marks give equal results."""
    stats = [(os.path.abspath(file), os.stat(file)) for file in files]
    given = [
        *(options.preset, options.host, options.port, options.name, options.paper, options.redact),
        *(str(options.since), str(options.until), options.asn, options.country),
        *(__version__, name, tunnel_options(options)),
        [(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats],
    ]
    return hashlib.sha256(json.dumps(given).encode("utf-8", "surrogateescape")).hexdigest()


class _State:
    """The marks and addresses of the nodes that are done, in a file that is written after each of
    them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.nodes: dict[str, dict[str, Any]] = {}
        if path.exists():
            try:
                state = json.loads(path.read_text(encoding="utf-8"))
                self.nodes = {
                    name: {"mark": str(one["mark"]), "hosts": [str(host) for host in one["hosts"]]}
                    for name, one in state["nodes"].items()
                }
            except (ValueError, KeyError, TypeError, AttributeError):
                message = f"{path}: not the state of a run; delete it to begin from the start"
                raise Failed(message) from None

    def mark(self, name: str) -> str | None:
        return self.nodes[name]["mark"] if name in self.nodes else None

    def set(self, name: str, mark: str, addresses: list[str]) -> None:
        self.nodes[name] = {"mark": mark, "hosts": addresses}
        with replacing(self._path) as file:
            json.dump({"version": __version__, "nodes": self.nodes}, file, indent=2)
