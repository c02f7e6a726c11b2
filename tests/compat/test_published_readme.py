"""Every line of the pipeline's README has an equivalent that works: docs/pipeline_readme.md lists
the lines, and each has a test here. The values are computed by hand from what the captures say.
Where the installed tshark decodes Monero, its own command prints the same.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import monerotraffic as mt
from monerotraffic import compat, metrics
from monerotraffic.cli.entry import main
from support import craft, tshark
from support.conversation_builder import many, read, session, visit
from support.craft import CLIENT, SERVER
from support.paths import HONEST, ROOT

PAGE = ROOT / "docs" / "pipeline_readme.md"
SETUP = (ROOT / "docs" / "capture.md").read_text(encoding="utf-8")
HOST, PEER = "192.168.2.128", "192.0.2.1"
"""The vantage node has the address of the README's commands."""

Test = TypeVar("Test", bound=Callable[..., None])
TESTED: dict[str, str] = {}
"""By line of the page the name of its test."""


def line(*names: str) -> Callable[[Test], Test]:
    """Marks the test of some lines."""

    def decorate(test: Test) -> Test:
        assert not set(names) & set(TESTED)
        TESTED.update(dict.fromkeys(names, test.__name__))
        return test

    return decorate


def lines_of_page() -> list[str]:
    return re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_line_has_a_test() -> None:
    lines = lines_of_page()
    assert len(lines) == len(set(lines)) > 40
    assert set(lines) == set(TESTED)


# ---- requirements ----


@line("wireshark")
def test_no_other_program_is_needed() -> None:
    command = [sys.executable, "-m", "monerotraffic", "summary", str(HONEST)]
    environment = {"PATH": "/nonexistent", "PYTHONPATH": ":".join([str(ROOT), *sys.path])}
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    assert "346 messages" in run.stdout


@line("python", "pandas")
def test_versions_of_the_readme_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "3.12.3" in SpecifierSet(project["requires-python"])
    needed = {one.name: one.specifier for one in map(Requirement, project["dependencies"])}
    assert "2.2.3" in needed["pandas"]


# ---- capture ----


def whole(traffic: mt.Traffic) -> pd.DataFrame:
    """Messages without the numbers of files and frames, which depend on how a capture is cut."""
    return traffic.messages.drop(columns=["file", "frame", "end_frame"])


@line("port")
def test_port(tmp_path: Path) -> None:
    talks = [session("192.0.2.7"), visit("192.0.2.8", many(1), port=38081, at=300)]
    traffic = read(tmp_path, *talks)
    assert 18080 in mt.DEFAULT_PORTS
    assert traffic.connections["server_port"].tolist() == [18080, 38081]
    assert (traffic.connections["client_messages"] > 0).all()


@line("dumpcap")
@pytest.mark.skipif(shutil.which("dumpcap") is None, reason="dumpcap is not installed")
@pytest.mark.skipif(tshark.PROGRAM is None, reason="tshark is not installed")
def test_ring_of_dumpcap(tmp_path: Path) -> None:
    """A pipe takes the place of the interface, and packets that of seconds. The capture filter is
    applied before, because dumpcap has none for pipes.
    """
    (source,) = HONEST.glob("vantage_00001.pcapng")
    filtered = tmp_path / "filtered.pcapng"
    tshark.output("-r", str(source), "-Y", "tcp.port == 18080", "-w", str(filtered))
    ring = dumpcap(filtered, tmp_path / "ring", files=20)
    assert len(list(ring.iterdir())) > 10
    assert whole(mt.read(ring)).equals(whole(mt.read(filtered)))
    every = mt.read(source).connections
    on_port = every[(every["client_port"] == 18080) | (every["server_port"] == 18080)]
    assert mt.read(ring).connections["client_port"].tolist() == on_port["client_port"].tolist()


@line("dumpcap-day")
@pytest.mark.skipif(shutil.which("dumpcap") is None, reason="dumpcap is not installed")
def test_ring_of_ten_files(tmp_path: Path) -> None:
    """The oldest files of 40 packets are gone; the others are in order."""
    (source,) = HONEST.glob("vantage_00001.pcapng")
    ring = dumpcap(source, tmp_path / "ring", files=10)
    files = mt.read(ring).files
    first = int(re.findall(r"_(\d{5})_", files["path"].iloc[0])[0])
    assert len(files) == 10
    assert files["packets"].sum() == 515 - 40 * (first - 1) < 515
    assert files["first_time"].is_monotonic_increasing
    assert files["path"].tolist() == sorted(files["path"])


def dumpcap(source: Path, folder: Path, files: int) -> Path:
    """A ring of files of 40 packets each."""
    folder.mkdir()
    command = ["dumpcap", "-q", "-i", "-", "-b", "packets:40", "-b", f"files:{files}"]
    with open(source, "rb") as packets:
        subprocess.run(
            [*command, "-w", str(folder / "monero_capture.pcapng")],
            stdin=packets,
            check=True,
            capture_output=True,
        )
    return folder


# ---- files and scripts ----


@line("folder")
def test_folder() -> None:
    files = sorted(HONEST.glob("*.pcapng"))
    assert whole(mt.read(HONEST)).equals(whole(mt.read(files)))


@line("convenience")
def test_convenience_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with a folder for each node; `archive` is skipped."""
    for name in ("ams", "archive"):
        (tmp_path / "captures" / name).mkdir(parents=True)
        path = tmp_path / "captures" / name / "a.pcap"
        path.write_bytes(craft.pcap(conversation().packets, nano=True))
    options = ["-o", str(tmp_path / "results"), "--host", f"ams={HOST}"]
    assert main(["run", str(tmp_path / "captures"), *options]) == 0
    capsys.readouterr()
    results = {path.name for path in (tmp_path / "results").iterdir()}
    assert {"ams", "findings.csv", "ban_list.txt"} <= results
    assert "archive" not in results


SYNC_DATA = craft.payload_data(current_height=11, top_version=16, cumulative_difficulty=9)
MESSAGES = (
    (CLIENT, craft.request(1001, craft.handshake_request()), []),
    (
        SERVER,
        craft.response(
            1001,
            craft.handshake_response(
                [craft.peer("203.0.113.7", 18081, 7)],
                craft.node_data(peer_id=2, my_port=18080, support_flags=1),
                SYNC_DATA,
            ),
        ),
        [],
    ),
    (SERVER, craft.request(1002, craft.timed_sync_request(SYNC_DATA)), []),
    (CLIENT, craft.response(1002, craft.timed_sync_response()), []),
    (SERVER, craft.notification(2002, craft.transactions([b"\1\2", b"\3"])), [20]),
)
"""The sender of each message, its bytes, and where they are cut. The peer sends a list of one
address, a timed sync, and transactions in two segments.
"""
SIZES = [len(message) for _, message, _ in MESSAGES]


def conversation() -> craft.Connection:
    """A connection that the vantage node opens. After three packets of the TCP handshake, every
    message is followed by an acknowledgement.
    """
    talk = craft.Connection(client=(HOST, 40000), server=(PEER, 18080)).open()
    for side, message, cuts in MESSAGES:
        talk.send(side, message, cuts=cuts)
    talk.close()
    return talk


NETWORK, TOP = craft.MAINNET.hex(), "ab" * 32
SYNC = "cumulative_difficulty,cumulative_difficulty_top64,current_height,top_id,top_version"
HANDSHAKE = {
    "key": "local_peerlist_new,adr,addr,m_ip,m_port,type,id,"
    f"node_data,my_port,network_id,peer_id,support_flags,payload_data,{SYNC}",
    "type": "140,12,12,6,7,8,5,12,6,10,5,6,12,5,5,5,10,8",
    "uint64": "7,2,9,0,11",
    "uint32": "124846283,18080,1",  # 203 + 0·256 + 113·256² + 7·256³
    "uint16": "18081",
    "uint8": "1,16",
    "string": f"{NETWORK},{TOP}",
}
TIMED_SYNC = {
    "key": f"payload_data,{SYNC}",
    "type": "12,5,5,5,10,8",
    "uint64": "9,0,11",
    "uint32": "",
    "uint16": "",
    "uint8": "16",
    "string": TOP,
}
RELAYED = dict.fromkeys(HANDSHAKE, "") | {
    "key": "_,txs",
    "type": "10,138",
    "string": "<MISSING>,0102,03",
}
"""What the packets to the vantage node hold."""


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "capture.pcap"
    path.write_bytes(craft.pcap(conversation().packets, nano=True))
    return path


@pytest.fixture
def traffic(capture: Path) -> mt.Traffic:
    return mt.read(capture, host=HOST, tables=mt.TABLES)


def times(traffic: mt.Traffic) -> list[str]:
    """Of the packets that complete a message to the vantage node, with nine decimals."""
    received = traffic.messages[traffic.messages["direction"] == "received"]
    numbers = received["end_time"].dt.tz_localize(None).astype("int64")
    return [f"{number // 10**9}.{number % 10**9:09}" for number in numbers]


def check(rows: list[list[str]], written: Path, capture: Path, display_filter: str) -> None:
    """The file is these rows; and what the README's command prints, if this tshark can."""
    text = "".join("\t".join(row) + "\n" for row in rows)
    assert written.read_text(encoding="utf-8") == text
    fields = FIELDS[written.stem]
    if not tshark.lacking(tuple(fields)):
        words = (word for field in fields for word in ("-e", field))
        options = ("-r", str(capture), "-Y", display_filter, "-T", "fields")
        assert tshark.output(*options, *words) == text


FIELDS = {
    "peer_lists": compat.PEER_LIST_FIELDS,
    "testing": compat.TESTING_FIELDS,
    "monero": ("frame.time_epoch", "ip.src", "monero.command", "tcp.segment.count", "tcp.len"),
}


@line("peer-list-command")
def test_peer_list_command(capture: Path, traffic: mt.Traffic, tmp_path: Path) -> None:
    """Only the response: the timed sync to the node is a request, with return code 0."""
    path = tmp_path / "peer_lists.tsv"
    selected = {"commands": compat.PEER_LIST_COMMANDS, "return_code": 1}
    compat.write_tsv(traffic, path, FIELDS["peer_lists"], to=HOST, **selected)
    kinds = ("key", "type", "uint32", "uint16", "uint8", "uint64")
    check(
        [[times(traffic)[0], PEER, "1001", *(HANDSHAKE[kind] for kind in kinds)]],
        path,
        capture,
        f"((monero.command == 1001 || monero.command == 1002) && (ip.dst == {HOST})) && "
        "(monero.return_code == 1)",
    )


@line("peer-list-script")
def test_peer_list_script(traffic: mt.Traffic) -> None:
    (peer_list,) = compat.peer_lists_json(traffic, to=HOST)["peer_lists"]
    (peer,) = peer_list["peers"]
    assert (peer["ip"], int(peer["port"]), int(peer["id"])) == ("203.0.113.7", 18081, 7)


@line("testing-command")
def test_testing_command(capture: Path, traffic: mt.Traffic, tmp_path: Path) -> None:
    path = tmp_path / "testing.tsv"
    compat.write_tsv(traffic, path, FIELDS["testing"], to=HOST)
    kinds = ("key", "type", "uint64", "uint32", "uint16", "uint8", "string")
    messages = (("1001", HANDSHAKE), ("1002", TIMED_SYNC), ("2002", RELAYED))
    check(
        [
            [time, PEER, command, *(values[kind] for kind in kinds)]
            for time, (command, values) in zip(times(traffic), messages, strict=True)
        ],
        path,
        capture,
        f"(monero) && (ip.dst=={HOST})",
    )


@line("monero-command")
def test_monero_command(capture: Path, traffic: mt.Traffic, tmp_path: Path) -> None:
    """tcp.len is that of the last packet: the notification's first 20 bytes were in another."""
    path = tmp_path / "monero.tsv"
    compat.write_tsv(traffic, path, FIELDS["monero"], to=HOST)
    rows = [["1001", "", SIZES[1]], ["1002", "", SIZES[2]], ["2002", "2", SIZES[4] - 20]]
    check(
        [[time, PEER, *map(str, row)] for time, row in zip(times(traffic), rows, strict=True)],
        path,
        capture,
        f"((monero) && (ip.dst == {HOST}))",
    )


@line("signature-command")
@pytest.mark.skipif(tshark.PROGRAM is None, reason="tshark is not installed")
def test_signature_command(tmp_path: Path) -> None:
    talk = craft.Connection(client=(PEER, 40000), server=(HOST, 18080)).open()
    talk.send(CLIENT, craft.request(1001, craft.handshake_request()), cuts=[8])
    talk.close()
    capture = tmp_path / "capture.pcap"
    capture.write_bytes(craft.pcap(talk.packets, nano=True))
    traffic = mt.read(capture, host=HOST)
    compat.write_signature_tsv(traffic, tmp_path / "signatures.tsv")
    written = (tmp_path / "signatures.tsv").read_text(encoding="utf-8")
    assert written.split("\t")[1:] == [PEER, HOST, "8", "0121010101010101\n"]
    fields = ("frame.time_epoch", "ip.src", "ip.dst", "tcp.len", "tcp.payload")
    words = (word for field in fields for word in ("-e", field))
    display_filter = "tcp.len == 8 && tcp.payload contains 01:21:01:01:01:01:01:01"
    assert written == tshark.output(
        *("-r", str(capture), "-Y", display_filter, "-T", "fields"), *words
    )


# ---- types of payload items ----

ITEMS: dict[str, tuple[Any, dict[str, Any]]] = {
    "type-5": (("u64", 2**63), {"value_uint": 2**63}),
    "type-6": (("u32", 2**31), {"value_uint": 2**31}),
    "type-7": (("u16", 18080), {"value_uint": 18080}),
    "type-8": (("u8", 255), {"value_uint": 255}),
    "type-10": (b"a,b", {"value_bytes": b"a,b"}),
    "type-11": (True, {"value_uint": 1}),
    "type-12": ({"inner": ("u8", 1)}, {}),
    "type-138": ([b"a", b"b"], {"elements": 2}),
    "type-140": ([{"n": ("u8", 1)}, {"n": ("u8", 2)}], {"elements": 2}),
}
"""By line the value that is sent, and the columns of its row."""


@line(*ITEMS)
@pytest.mark.parametrize("name", ITEMS)
def test_types_of_payload_items(name: str, tmp_path: Path) -> None:
    check_item(name, *ITEMS[name], tmp_path)


def test_a_type_that_the_readme_does_not_name(tmp_path: Path) -> None:
    check_item("type-9", ("f64", 0.5), {"value_float": 0.5}, tmp_path)


def check_item(name: str, value: Any, expected: dict[str, Any], tmp_path: Path) -> None:
    talk = craft.Connection(client=(PEER, 40000), server=(HOST, 18080)).open()
    talk.send(CLIENT, craft.request(1002, craft.epee({"item": value})))
    talk.close()
    path = tmp_path / "capture.pcap"
    path.write_bytes(craft.pcap(talk.packets, nano=True))
    fields = mt.read(path, host=HOST, tables=["messages", "fields"]).fields
    row = fields.iloc[0]
    assert (row["key"], row["type"]) == ("item", int(name.removeprefix("type-")))
    for column in ("value_int", "value_uint", "value_float", "value_bytes"):
        assert column in expected or pd.isna(row[column]), column
    for column, wanted in expected.items():
        assert row[column] == wanted, column
    inside = fields[fields["parent"] == row["position"]]
    assert len(inside) == {"type-12": 1, "type-138": 2, "type-140": 2}.get(name, 0)


# ---- to-dos ----


@line("todo-script")
def test_packets_of_the_extraction_script(traffic: mt.Traffic) -> None:
    rows = compat.packets(traffic, to=HOST)
    assert rows["command"].tolist() == ["1001", "1002", "2002"]
    assert rows["peer_id"].tolist() == [2, pd.NA, pd.NA]
    assert len(compat.packets_json(traffic, to=HOST)["packets"]) == 3


@line("todo-packet", "todo-flag", "todo-length", "todo-segments")
def test_packet_data(traffic: mt.Traffic) -> None:
    rows = traffic.messages
    assert rows["frame"].tolist() == [4, 6, 8, 10, 12]
    assert rows["end_frame"].tolist() == [4, 6, 8, 10, 13]
    kinds = ["request", "response", "request", "response", "notification"]
    assert rows["kind"].tolist() == kinds
    assert rows["length"].tolist() == [size - 33 for size in SIZES]
    assert rows["segments"].tolist() == [1, 1, 1, 1, 2]


# ---- goal metrics ----


@line("goal-list-similarity")
def test_similarity_of_lists(tmp_path: Path) -> None:
    """50 of 100 entries are common, of 150 in both."""
    talks = [session("192.0.2.1", many(100)), session("192.0.2.2", many(100, first=50), at=300)]
    (pair,) = metrics.list_similarity(read(tmp_path, *talks)).to_dict("records")
    assert (pair["shared"], pair["share"], pair["jaccard"]) == (50, 0.5, 50 / 150)


@line("goal-sender-similarity")
def test_similarity_of_what_peers_sent(tmp_path: Path) -> None:
    """One sent 0 to 199, the other 150 to 299: 50 in common, of 300 in both."""
    talks = [
        session("192.0.2.1", many(100), many(100, first=100)),
        session("192.0.2.2", many(150, first=150), at=300),
    ]
    traffic = read(tmp_path, *talks)
    pairs = metrics.sender_similarity(traffic, min_share=0.1, min_entries=100)
    (pair,) = pairs.to_dict("records")
    assert sorted([pair["size"], pair["other_size"]]) == [150, 200]
    assert (pair["shared"], pair["jaccard"]) == (50, 50 / 300)


@line("goal-popularity")
def test_popularity(tmp_path: Path) -> None:
    talks = [session("192.0.2.1", many(3)), session("192.0.2.2", many(3, first=2), at=300)]
    hosts = metrics.advertised_hosts(read(tmp_path, *talks)).set_index("host")["senders"]
    common = many(1, first=2)[0][0]
    assert hosts.pop(common) == 2
    assert hosts.tolist() == [1] * 4


@line("goal-topology")
def test_topology(tmp_path: Path) -> None:
    """Two senders with three addresses each, one in common: six edges between seven nodes."""
    talks = [session("192.0.2.1", many(3)), session("192.0.2.2", many(3, first=2), at=300)]
    traffic = read(tmp_path, *talks)
    assert len(metrics.peer_graph(traffic)) == 6
    nodes = metrics.degrees(traffic)
    assert sorted(nodes["out_degree"]) == [0] * 5 + [3, 3]
    assert sorted(nodes["in_degree"]) == [0, 0, 1, 1, 1, 1, 2]
    assert nodes["component"].tolist() == [0] * 7


@line("goal-signature")
def test_signature_alone(tmp_path: Path) -> None:
    rows = metrics.segmentation(read(tmp_path, *(cut_at([8], [33]))))
    assert rows["signature_alone"].tolist() == [True, False]


@line("goal-fragmentation")
def test_more_segments_than_needed(tmp_path: Path) -> None:
    """A message of some 300 bytes fits into one segment of 1,420."""
    rows = metrics.segmentation(read(tmp_path, *cut_at([], [50, 100, 150])))
    assert rows["needed"].tolist() == [1, 1]
    assert rows["excess"].tolist() == [0, 3]


def cut_at(*cuts: list[int]) -> list[craft.Connection]:
    """A handshake request on a connection of its own for each of these divisions."""
    talks = []
    for number, cut in enumerate(cuts):
        talk = craft.Connection(
            client=(f"192.0.2.{number + 1}", 40000),
            clock=craft.START + number * 10**12,
        ).open()
        talk.send(CLIENT, craft.request(1001, craft.handshake_request()), cuts=cut)
        talk.close()
        talks.append(talk)
    return talks


@line("goal-last-seen")
def test_last_seen(tmp_path: Path) -> None:
    seen = [craft.peer("203.0.113.1", 18080, 1, last_seen=("i64", 5)), ("203.0.113.2", 18080)]
    talks = [session("192.0.2.1", seen), session("192.0.2.2", many(2), at=300)]
    rows = metrics.lists_with_last_seen(read(tmp_path, *talks))
    assert rows[["peer", "entries", "last_seen"]].to_numpy().tolist() == [["192.0.2.1", 2, 1]]


@line("goal-support-flags")
def test_support_flags(tmp_path: Path) -> None:
    talks = []
    for number, flags in enumerate((None, 1)):
        node = craft.node_data(support_flags=flags)
        talk = craft.Connection(
            client=(f"192.0.2.{number + 1}", 40000), clock=craft.START + number * 10**12
        ).open()
        talk.send(CLIENT, craft.request(1001, craft.handshake_request(node)))
        talk.close()
        talks.append(talk)
    rows = metrics.optional_fields(read(tmp_path, *talks)).set_index("peer")
    assert rows["support_flags_missing"].to_dict() == {"192.0.2.1": 1, "192.0.2.2": 0}


# ---- set-up of the node ----


def commands() -> list[str]:
    """The shell commands of the page about captures, one a line."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", SETUP, re.MULTILINE | re.DOTALL)
    joined = "".join(text for language, text in blocks if not language).replace("\\\n", " ")
    return [text.partition("  #")[0].strip() for text in joined.splitlines()]


def test_commands_are_valid_for_the_shell() -> None:
    script = "\n".join(commands())
    assert len(commands()) > 20
    run = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert (run.returncode, run.stderr) == (0, "")


@line("apt-update", "apt-upgrade", "ufw", "bzip2", "reboot", "download", "monerod", "status")
def test_set_up() -> None:
    text = "\n".join(commands())
    assert "apt update && apt upgrade" in text
    assert re.search(r"^apt install .*\bbzip2\b", text, re.MULTILINE)
    assert "ufw allow 18080/tcp" in text
    assert text.index("ufw allow OpenSSH") < text.index("ufw enable")
    assert "\nreboot\n" in text
    assert "wget https://downloads.getmonero.org/linux64" in text
    assert "/opt/monero/monerod --data-dir /var/lib/monero --prune-blockchain --detach" in text
    assert "/opt/monero/monerod status" in text


@line("unpack")
def test_unpacked_program_is_where_the_service_starts_it(tmp_path: Path) -> None:
    """Runs the page's commands on an archive with the layout of the official one."""
    inside = tmp_path / "monero-x86_64-linux-gnu-v0.18.4.0"
    inside.mkdir()
    (inside / "monerod").write_text("#!/bin/sh\n")
    tar = ["tar", "-cjf", str(tmp_path / "linux64"), "-C", str(tmp_path), inside.name]
    subprocess.run(tar, check=True)
    chosen = [text for text in commands() if text.startswith(("mkdir /opt", "tar "))]
    assert len(chosen) == 2
    (tmp_path / "opt").mkdir()
    for text in chosen:
        here = text.replace("/opt/", f"{tmp_path}/opt/")
        subprocess.run(["bash", "-c", here], cwd=tmp_path, check=True)
    (started,) = re.findall(r"^ExecStart=(/\S+monerod) .*--prune-blockchain", SETUP, re.MULTILINE)
    assert (tmp_path / started.lstrip("/")).exists()
