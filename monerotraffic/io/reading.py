"""read and scan: from captures to Traffic, at once or in parts."""

from __future__ import annotations

import operator
import threading
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monerotraffic._core import Reader
from monerotraffic.errors import CaptureError, CaptureWarning, VantageWarning
from monerotraffic.io import ahead
from monerotraffic.io.ahead import (
    Ahead,
    Beginning,
    Reading,
    Replay,
    parallel_nodes,
    usable_threads,
)
from monerotraffic.io.attribution import Attribution
from monerotraffic.io.options import (
    DEFAULT_PORTS,
    Hosts,
    Options,
    Tunnels,
    known_hosts,
    known_tables,
)
from monerotraffic.io.progress import Meter, Progress, size_of
from monerotraffic.io.sources import LeftOut, Sources, is_rereadable, nodes_of
from monerotraffic.io.streams import Pieces, Rows, Stream, used_ids
from monerotraffic.net.addresses import Host
from monerotraffic.net.vantage import Node, VantageInference
from monerotraffic.tables.interning import Names, NamesView
from monerotraffic.tables.schema import SCHEMA
from monerotraffic.tables.traffic import Traffic

__all__ = ["DEFAULT_PORTS", "read", "scan"]

_NO_END = np.iinfo(np.int64).max
_NAMED = 10
"""Files that a CaptureWarning names."""
_TTL_BITS = SCHEMA["connections"].bits("client_ttl", "server_ttl")
_ACCEPTED = SCHEMA["messages"].field("accepted").code("yes")
_PEER_ID_BIT = SCHEMA["node_data"].bits("peer_id")
_IDENTIFYING = ("messages", "node_data")
"""Tables that show which addresses sent the same peer id."""
_BREAKS = (CaptureError, MemoryError)
"""Exceptions that end a read. Their attribute `traffic` holds what was read before."""


def read(
    source: Sources,
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
) -> Traffic:
    """Reads captures (pcap, pcapng, and other formats of libpcap; plain, gzip, zstd, xz, bzip2 or
    lz4) into tables.

    source
        A path, a glob, a folder, or a list of paths, which form one stream of packets in order of
        time, so that connections and messages may span the files of a ring. "-" or sys.stdin is
        standard input. A folder stands for the captures directly in it. A dict from the name of a
        vantage node to its source is several streams: the ids of connections, messages and files
        continue from one to the next, and connections.vantage is the name.
    host
        The address or addresses of the vantage node; for a dict also a dict with the same names.
        Otherwise the vantage node is, for each IP version, the address with the most other ends
        among the Monero connections (see monerotraffic.net.vantage.VantageInference.hosts).
        `Traffic.hosts` shows it.
    tables
        Names of the tables to decode (monerotraffic.TABLES); None for all except `fields`, which is
        decoded only if named. connections, problems and files are always decoded. Blobs of
        transactions and blocks are parsed only for the tables transactions and blocks.
    ports
        Further TCP ports whose connections are Monero connections, whatever they carry, in addition
        to DEFAULT_PORTS.
    tunnels
        "inner" reads the TCP connections within tunnels (GRE, ERSPAN, VXLAN, GENEVE, GTP-U, L2TP,
        LISP, Teredo, IP in IP or UDP, MPLS, NSH, PPPoE, PBB, TRILL, batman-adv, TZSP and others),
        down to the innermost IP packet; `connections.tunnel` names the tunnels. "outer" reads the
        outermost IP packet only.
    tunnel_ports
        Further UDP ports of tunnels (VXLAN, or IP right after the UDP header).
    trusted_tunnels
        IP addresses of the ends of tunnels whose contents are believed. Anyone can send packets
        within a packet, so messages of a tunnel are `accepted = unknown` unless both ends of it are
        listed here, or all Monero traffic of the capture came through that one tunnel.
    trusted_proxies
        IP addresses of proxies in front of the vantage node. On connections that they open, `peer`
        is the source that their PROXY header names. Any other sender can write any name, so without
        this argument the proxy is the peer.
    limits
        Bounds of memory and waiting time other than the defaults, see `monerotraffic.limits()`.
    progress
        True for a tqdm bar, or a function that is called with the bytes read and the total bytes
        (-1 if unknown).
    threads
        How many threads read; None for one for each core, and one if the captures are small or come
        from a pipe. Several vantage nodes are read side by side; otherwise a thread reads and
        decompresses the files while the caller's thread decodes. The result does not depend on it.

    A damaged or truncated file results in the readable part, a row of `problems`, and one
    CaptureWarning for all files. So does a vantage node of a dict whose captures cannot be read.

    Raises CaptureError if a file cannot be read at all, with the file and the cause
    (CaptureNotFoundError, a FileNotFoundError too, if it does not exist). Raises CaptureError or
    MemoryError if reading stops early; the attribute `traffic` then holds what was read before:
    complete messages with their contents, and ended connections (a MemoryError lacks it if there is
    not enough memory for it). Raises ValueError for unknown tables or limits and for invalid ports
    and hosts, and TypeError.

        >>> import monerotraffic as mt
        >>> traffic = mt.read("tests/data/honest")
        >>> len(traffic.messages), traffic.hosts
        (346, ('198.51.100.10',))
    """
    options = Options(
        ports, limits, tunnels, tunnel_ports, trusted_tunnels, trusted_proxies, threads
    )
    run = _Run(source, host, tables, options)
    with Meter(progress, run.size) as meter:
        traffic = run.read(meter)
    run.warn(stacklevel=3)
    return traffic


def scan(
    source: Sources,
    *,
    rows: int = 1_000_000,
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
) -> Iterator[Traffic]:
    """Reads captures in bounded memory: yields the tables of read in parts of about `rows` rows,
    each a Traffic. Arguments and errors as for read.

    Ids are the same as in read, and the concatenated parts are the tables of read, except for
    connections, which are in the part in which they ended, and files, which are in the last part
    (of each vantage node). There is at least one part. Open connections and each distinct address
    and hash are kept between parts.

    Without `host=` the files are read twice, first to infer the vantage node. For input that cannot
    be read twice (standard input, a pipe) it is inferred from the beginning, and `Traffic.hosts` is
    empty in parts before the first Monero connection. The CaptureWarning is issued at the end. The
    attribute `traffic` of a CaptureError or MemoryError is the last part: what was read since the
    part before. Of several vantage nodes, as many as `threads` allows are read at once: to infer
    their addresses, and the first part of each.

        >>> import monerotraffic as mt
        >>> parts = mt.scan("tests/data/honest", rows=200, tables=["messages"])
        >>> sum(len(part.messages) for part in parts)
        346
    """
    rows = operator.index(rows)
    if rows < 1:
        raise ValueError(f"rows is {rows}: must be at least 1")
    options = Options(
        ports, limits, tunnels, tunnel_ports, trusted_tunnels, trusted_proxies, threads
    )
    return _scan(_Run(source, host, tables, options), rows, progress)


def _scan(run: _Run, rows: int, progress: Progress) -> Iterator[Traffic]:
    passes = 1 + run.infers
    with Meter(progress, run.size * passes if run.size >= 0 else -1) as meter:
        if run.infers:
            run.infer(meter)
        yield from run.scan(rows, meter)
    run.warn(stacklevel=3)


class _Run:
    """One call of read or scan."""

    def __init__(
        self,
        source: Sources,
        host: Hosts | None,
        tables: Iterable[str] | None,
        options: Options,
    ) -> None:
        self._tables = known_tables(tables)
        self._options = options
        left_out: list[LeftOut] = []
        self._files = nodes_of(source, left_out)
        notable = [other for other in left_out if other.notable]
        self._unread = [f"left out of its folder: {other.path}: {other.why}" for other in notable]
        self.size = size_of(file for files in self._files.values() for file in files)
        """Bytes of all files, -1 if unknown."""
        self._threads = usable_threads(options.threads, self.size)
        self._hosts = known_hosts(host, self._files)
        self._names = Names()
        self._bases = {"connections": 0, "messages": 0, "files": 0}
        self._pending: list[tuple[int, str]] = []
        self._damage = [f"{other.path}: {other.why}" for other in notable]
        self._unreadable: dict[str | None, CaptureError] = {}
        self._reached: Counter[str] = Counter()
        self._attributed = Attribution()

    @property
    def infers(self) -> bool:
        """Whether a scan first has to infer vantage nodes."""
        return any(self._to_infer(label) for label in self._files)

    def _to_infer(self, label: str | None) -> bool:
        return self._hosts[label] is None and is_rereadable(self._files[label])

    def _open(self, label: str | None, tables: Sequence[str], threads: int) -> Reader:
        return self._options.reader(self._files[label], tables, threads)

    # ---- read ----

    def read(self, meter: Meter) -> Traffic:
        """Reads everything at once."""
        pieces, nodes = Pieces(self._tables), list[Node]()
        threads = self._threads // len(self._files)
        readings = [
            Reading(partial(self._open, label, self._tables, threads)) for label in self._files
        ]
        try:
            with Ahead(readings, self._nodes_at_once) as readers:
                for label, reading in zip(self._files, readings, strict=True):
                    readers.wait(reading, meter.at_of_all)
                    try:
                        with Stream(reading.take_reader(), self._names, self._bases) as stream:
                            self._read_stream(label, reading, stream, pieces, nodes, meter)
                    except CaptureError as error:
                        self._leave_out(label, error)
        except _BREAKS as error:
            if nodes:
                vars(error)["traffic"] = Traffic(
                    pieces.join(), self._names.view(), nodes, self._reached
                )
            raise
        pieces.add({"problems": self._unread_rows()})
        return Traffic(pieces.join(), self._names.view(), nodes, self._reached)

    def _leave_out(self, label: str | None, error: CaptureError) -> None:
        """Records that the captures of one of several vantage nodes cannot be read. Raises the
        first error if that holds for all of them.
        """
        if label not in self._unreadable:
            self._unreadable[label] = error
            self._unread.append(f"vantage node {label!r} is not read to its end: {error}")
            self._damage.append(str(error))
        if len(self._unreadable) == len(self._files):
            raise next(iter(self._unreadable.values()))

    def _read_stream(
        self,
        label: str | None,
        reading: Reading,
        stream: Stream,
        pieces: Pieces,
        nodes: list[Node],
        meter: Meter,
    ) -> None:
        """Adds what was read to `pieces` and `nodes`, also if reading stops early."""
        try:
            reading.read(stream.reader, meter.at)
        except _BREAKS as error:
            # a node among others whose link type is not read has no connections without a row
            whole = isinstance(error, CaptureError) and len(self._files) > 1
            self._finish(label, stream, pieces, nodes, whole)
            raise
        self._finish(label, stream, pieces, nodes, whole=True)
        meter.finish(max(stream.reader.size, stream.reader.position))

    def _finish(
        self, label: str | None, stream: Stream, pieces: Pieces, nodes: list[Node], whole: bool
    ) -> None:
        rows = stream.take(self._tables)
        pieces.add(rows)
        hosts = self._hosts[label]
        if hosts is None:
            hosts = self._hosts_of(rows, whole and is_rereadable(self._files[label]))
            if hosts is None:
                hosts = self._hosts_by_reading(label)
        nodes.append(self._end_of_stream(label, stream, hosts, used_ids(rows), rows, whole))

    def _end_of_stream(
        self,
        label: str | None,
        stream: Stream,
        hosts: tuple[str, ...],
        counts: Mapping[str, int],
        rows: Rows,
        whole: bool,
    ) -> Node:
        """Records the state of a stream after its last rows. If it is incomplete (not `whole`),
        some connections have no row.
        """
        node = Node(
            label,
            hosts,
            self._bases["connections"],
            self._bases["connections"] + counts["connections"] if whole else _NO_END,
            self._options.trusted_proxies,
        )
        for table, count in counts.items():
            self._bases[table] += count
        self._note_damage(rows, self._names.view())
        self._attributed.add(rows, hosts, self._names.view())
        self._attributed.end(self._hosts[label] or ())
        self._reached.update(stream.reader.limits_reached)
        return node

    # ---- scan ----

    def infer(self, meter: Meter) -> None:
        """Reads the files that can be read twice to infer the vantage nodes that are not given."""
        inferences = {
            label: VantageInference(self._options.ports, _TTL_BITS)
            for label in self._files
            if self._to_infer(label)
        }
        threads = self._threads // len(self._files)
        readings = {
            label: Reading(
                partial(self._open, label, (), threads), partial(_note_connections, inference)
            )
            for label, inference in inferences.items()
        }
        with Ahead(list(readings.values()), self._nodes_at_once) as readers:
            for label, files in self._files.items():
                if label not in readings:
                    meter.finish(max(size_of(files), 0))
                    continue
                reading = readings[label]
                readers.wait(reading, meter.at_of_all)
                try:
                    self._hosts[label] = self._hosts_by_scanning(
                        label, reading, inferences[label], meter
                    )
                except CaptureError as error:
                    self._leave_out(label, error)

    def _hosts_by_scanning(
        self, label: str | None, reading: Reading, inference: VantageInference, meter: Meter
    ) -> tuple[str, ...]:
        with reading.take_reader() as reader:
            reading.read(reader, meter.at)
            addresses = reader.addresses()
            hosts = inference.hosts(addresses)
            meter.finish(max(reader.size, reader.position))
        return self._hosts_by_reading(label) if inference.has_strangers(hosts, addresses) else hosts

    @property
    def _nodes_at_once(self) -> int:
        return parallel_nodes(self._threads, self._files.values(), self._options.open_files)

    def _hosts_by_reading(self, label: str | None) -> tuple[str, ...]:
        """Infers the vantage node from the peer ids too, which a scan of connections alone does not
        show, nor a read without node_data. Only if some Monero connections are of no known address.
        """
        inference = VantageInference(self._options.ports, _TTL_BITS)
        with self._open(label, _IDENTIFYING, self._threads) as reader:
            more = True
            while more:
                more = reader.step(bytes=ahead.STEP)
                rows = {table: reader.take(table) for table in ("connections", *_IDENTIFYING)}
                reader.take("problems")
                inference.add_connections(rows["connections"])
                inference.add_sent_ids(*_sent_ids(rows))
            return inference.hosts(reader.addresses())

    def scan(self, rows: int, meter: Meter) -> Iterator[Traffic]:
        """Yields part by part."""
        threads, slots = self._threads // len(self._files), threading.Semaphore(self._nodes_at_once)
        readings = [
            Beginning(partial(self._open, label, self._tables, threads), self._tables, rows, slots)
            for label in self._files
        ]
        with Ahead(readings, self._nodes_at_once) as readers:
            for label, reading in zip(self._files, readings, strict=True):
                readers.wait(reading, meter.at_of_all)
                try:
                    with Stream(reading.take_replay(), self._names, self._bases) as stream:
                        yield from self._scan_stream(label, stream, rows, meter)
                        meter.finish(max(stream.reader.size, stream.reader.position))
                except CaptureError as error:
                    self._leave_out(label, error)
                    if "traffic" in vars(error):
                        yield vars(error)["traffic"]
        if self._unread:
            pieces = Pieces(self._tables)
            pieces.add({"problems": self._unread_rows()})
            nodes = [Node(label, self._hosts[label] or (), 0, 0) for label in self._files]
            yield Traffic(pieces.join(), self._names.view(), nodes, self._reached)

    def _scan_stream(
        self, label: str | None, stream: Stream, wanted: int, meter: Meter
    ) -> Iterator[Traffic]:
        counts = {"connections": 0, "messages": 0, "files": 0}
        pieces, more = Pieces(self._tables), True
        while more:
            try:
                while more and pieces.count < wanted:
                    more = stream.reader.step(bytes=ahead.STEP, rows=wanted - pieces.count)
                    meter.at(stream.reader.position)
                    self._take_piece(stream, pieces, counts)
            except _BREAKS as error:
                self._take_piece(stream, pieces, counts)
                vars(error)["traffic"] = self._part(
                    label, stream, pieces.join(), counts, more=False, whole=False
                )
                raise
            if not more and label == list(self._files)[-1]:
                pieces.add({"problems": self._unread_rows()})
            yield self._part(label, stream, pieces.join(), counts, more)

    def _take_piece(self, stream: Stream, pieces: Pieces, counts: dict[str, int]) -> None:
        taken = stream.take(self._tables)
        pieces.add(taken)
        for table, count in used_ids(taken).items():
            counts[table] += count

    def _part(
        self,
        label: str | None,
        stream: Stream,
        rows: Rows,
        counts: Mapping[str, int],
        more: bool,
        whole: bool = True,
    ) -> Traffic:
        hosts = self._hosts[label]
        if hosts is None:
            hosts = self._hosts_of(rows, whole=False) or ()
            self._hosts[label] = hosts or None
        if more:
            self._note_damage(rows, self._names.view())
            self._attributed.add(rows, hosts, self._names.view())
            trusted = self._options.trusted_proxies
            node = Node(label, hosts, self._bases["connections"], _NO_END, trusted)
        else:
            node = self._end_of_stream(label, stream, hosts, counts, rows, whole)
        nodes = [
            node if other == label else Node(other, self._hosts[other] or (), 0, 0)
            for other in self._files
        ]
        return Traffic(rows, self._names.view(), nodes, self._reached)

    def _hosts_of(self, rows: Rows, whole: bool) -> tuple[str, ...] | None:
        """Infers the vantage node from these rows; for an incomplete stream also from messages of
        connections that have not ended. None if that requires peer ids, which these rows lack and
        the files of the stream contain, if they can be read again.
        """
        inference = VantageInference(self._options.ports, _TTL_BITS)
        inference.add_connections(rows["connections"])
        if "messages" in rows and not whole:
            messages = rows["messages"]
            inference.add_messages(
                messages, rows["connections"]["connection"], messages["accepted"] == _ACCEPTED
            )
        identified = rows.keys() >= set(_IDENTIFYING)
        if identified:
            inference.defer_sent_ids(lambda: _sent_ids(rows))
        hosts = inference.hosts(self._names.addresses)
        if (
            identified
            or not whole
            or not inference.has_strangers(hosts, self._names.addresses.texts())
        ):
            return hosts
        return None

    # ---- what to warn of ----

    def _unread_rows(self) -> NDArray[Any]:
        """Returns a row of problems for each file of a folder that is not read and may hold
        packets, and for each vantage node whose captures cannot be read. To be called after the
        last reader was read, whose codes must not follow these.
        """
        rows = np.zeros(len(self._unread), dtype=SCHEMA["problems"].dtype)
        codes = ("client", "server", "proxied_host", "proxy", "from_client")
        for name in ("file", "connection", "offset", *codes):
            rows[name] = -1
        rows["time"] = np.iinfo(np.int64).min
        rows["kind"] = SCHEMA["problems"].field("kind").code("file")
        first = len(self._names.strings)
        rows["detail"] = np.arange(first, first + len(rows))
        self._names.strings.extend(text.encode("utf-8", "surrogateescape") for text in self._unread)
        self._unread = []
        return rows

    def _note_damage(self, rows: Rows, names: NamesView) -> None:
        """Records damage and unsupported link types of the current stream, with the paths of its
        files once `files` contains them.
        """
        kind = SCHEMA["problems"].field("kind")
        problems = rows["problems"]
        concerned = problems[
            np.isin(problems["kind"], [kind.code("file"), kind.code("link_type")])
            & (problems["file"] >= 0)
        ]
        self._pending.extend(
            zip(
                concerned["file"].tolist(),
                (_text(names, code) for code in concerned["detail"].tolist()),
                strict=True,
            )
        )
        files = rows["files"]
        if len(files):
            paths = dict(
                zip(
                    files["file"].tolist(),
                    (_text(names, code) for code in files["path"].tolist()),
                    strict=True,
                )
            )
            self._damage.extend(
                f"{paths[file]}: {detail}" if file in paths else detail
                for file, detail in self._pending
            )
            self._pending.clear()

    def warn(self, stacklevel: int) -> None:
        """Issues one CaptureWarning for all damage."""
        damage = list(dict.fromkeys(self._damage))
        if self._reached["problems"]:
            damage.append(
                f"{self._reached['problems']} further problems are not listed (limit problems)"
            )
        if damage:
            more = (
                [f"and {len(damage) - _NAMED} more, see problems"] if len(damage) > _NAMED else []
            )
            warnings.warn(
                f"not all could be read: {'; '.join([*damage[:_NAMED], *more])}",
                CaptureWarning,
                stacklevel=stacklevel,
            )
        for text in self._attributed.warnings():
            warnings.warn(text, VantageWarning, stacklevel=stacklevel)


def _note_connections(inference: VantageInference, reader: Reader | Replay) -> None:
    inference.add_connections(reader.take("connections"))
    reader.take("problems")


def _sent_ids(rows: Rows) -> tuple[NDArray[Any], NDArray[np.uint64]]:
    """Address codes of senders, and the peer ids that they sent."""
    messages, node_data = rows["messages"], rows["node_data"]
    node_data = node_data[(node_data["present"] & _PEER_ID_BIT) != 0]
    place = np.searchsorted(messages["message"], node_data["message"])
    known = place < len(messages)
    known[known] = messages["message"][place[known]] == node_data["message"][known]
    senders = messages[place[known]]
    codes = np.where(senders["from_client"] != 0, senders["client"], senders["server"])
    return codes, node_data["peer_id"][known]


def _text(names: NamesView, code: int) -> str:
    return names.string(code).decode("utf-8", "backslashreplace") if code >= 0 else "?"
