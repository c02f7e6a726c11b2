"""Rules on what messages look like: what is flagged, and what is not though it looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monerotraffic.rules import RULES, find_anomalies
from support import craft, truth
from support.checks import flagged
from support.conversation_builder import incoming, outgoing, read
from support.craft import CLIENT, SERVER, Connection
from support.labelled import check_labels, check_monerods, honest, spied
from support.labelled import read as read_files

STRUCTURE = [rule for rule in RULES.values() if rule.family == "structure"]
NAMES = [rule.name for rule in STRUCTURE]
TESTNET = craft.MAINNET[:-1] + b"\x11"


def test_order_and_weights() -> None:
    assert [(rule.name, rule.weight) for rule in STRUCTURE] == [
        ("support_flags_missing", "context"),
        ("support_flags_odd", "context"),
        ("last_seen_present", "strong"),
        ("bad_header", "strong"),
        ("unknown_command", "strong"),
        ("oversize_message", "strong"),
        ("payload_malformed", "strong"),
        ("noncanonical_encoding", "weak"),
        ("wrong_network", "strong"),
        ("garbage", "strong"),
        ("other_implementation", "context"),
    ]
    assert {name for name in NAMES if RULES[name].presets} == {
        "support_flags_missing",
        "last_seen_present",
    }


def test_support_flags_odd(tmp_path: Path) -> None:
    talks = []
    for number, flags in enumerate((0, 1, 3, None)):
        talk = incoming(f"192.0.2.{number}", number)
        talk.send(
            CLIENT,
            craft.request(1001, craft.handshake_request(craft.node_data(support_flags=flags))),
        )
        talks.append(talk)
    answer = outgoing("192.0.2.9", 9).handshake()
    answer.send(CLIENT, craft.request(1007))
    answer.send(SERVER, craft.response(1007, craft.support_flags_response(0)))
    proxy = incoming("127.0.0.1", 10)  # a hidden service's connections have support_flags 0
    proxy.send(
        CLIENT, craft.request(1001, craft.handshake_request(craft.node_data(support_flags=0)))
    )
    traffic = read(tmp_path, *talks, answer, proxy)
    assert flagged("support_flags_odd", traffic) == {
        "192.0.2.0": 1,
        "192.0.2.2": 1,
        "192.0.2.9": 1,
    }
    assert flagged("support_flags_odd", traffic, standard_flags=(0, 1)) == {"192.0.2.2": 1}
    assert flagged("support_flags_missing", traffic) == {"192.0.2.3": 1}


@pytest.mark.parametrize("preset", ["default", "arxiv-v1", "aft-2026"])
@pytest.mark.parametrize(
    "last_seen", [("i64", 1_700_000_000), ("u64", 1_700_000_000), ("u32", 5), ("i64", 0)]
)
def test_last_seen_of_whatever_type(
    tmp_path: Path, last_seen: tuple[str, int], preset: str
) -> None:
    peers = [
        craft.peer("192.0.2.50", 18080, 5),
        craft.peer("192.0.2.51", 18080, 6, last_seen=last_seen),
    ]
    spy = outgoing().handshake(peers=peers)
    spy.send(SERVER, craft.response(1002, craft.timed_sync_response(peers[1:])))
    spy.send(SERVER, craft.response(1002, craft.timed_sync_response(peers[:1])))
    honest = incoming("192.0.2.2", 1).handshake(peers=peers)  # here the vantage node sends it
    assert flagged("last_seen_present", read(tmp_path, spy, honest), preset) == {"192.0.2.1": 2}


def test_bad_header(tmp_path: Path) -> None:
    spy, plain = incoming().handshake(), incoming("192.0.2.2", 1).handshake()
    spy.send(
        CLIENT,
        craft.bucket(1003, craft.EMPTY, expect=1, version=2) + craft.bucket(1003, b"", expect=1),
    )
    plain.send(CLIENT, craft.request(1003) + craft.response(1003, b"", -6) + craft.noise(300))
    plain.send(SERVER, craft.bucket(1003, craft.EMPTY, version=2))
    traffic = read(tmp_path, spy, plain)
    assert flagged("bad_header", traffic) == {"192.0.2.1": 2}
    assert flagged("bad_header", traffic, counted_oddities=["empty_body"]) == {"192.0.2.1": 1}
    assert flagged("payload_malformed", traffic) == {}


def test_the_score_is_how_much_is_odd(tmp_path: Path) -> None:
    header, payload = incoming().handshake(), incoming("192.0.2.2", 1).handshake()
    header.send(CLIENT, craft.bucket(1003, craft.EMPTY, expect=3, return_code=1, version=2))
    payload.send(
        CLIENT,
        craft.request(
            1002, craft.timed_sync_request(craft.payload_data(extra=("u8", 1), more=("u8", 1)))
        ),
    )
    traffic = read(tmp_path, header, payload)
    scores = find_anomalies(traffic, rules=["bad_header", "noncanonical_encoding"]).set_index(
        "rule"
    )["score"]
    assert scores.to_dict() == {"bad_header": 3, "noncanonical_encoding": 2}


def test_unknown_command(tmp_path: Path) -> None:
    spy, relay, hidden = (
        incoming().handshake(),
        incoming("192.0.2.2", 1).handshake(),
        incoming("192.0.2.3", 2).handshake(),
    )
    for data in (
        craft.request(1006),
        craft.notification(2099),
        craft.notification(0),
        craft.response(1234),
    ):
        spy.send(CLIENT, data)
    relay.send(CLIENT, craft.notification(2011) + craft.notification(2012))
    hidden.send(
        CLIENT,
        craft.noise(300)
        + b"".join(craft.fragments(craft.notification(2002, craft.transactions([])), 64)),
    )
    traffic = read(tmp_path, spy, relay, hidden)
    assert flagged("unknown_command", traffic) == {"192.0.2.1": 4}
    assert flagged("unknown_command", traffic, reserved_commands=()) == {
        "192.0.2.1": 4,
        "192.0.2.2": 2,
    }


def test_oversize_message(tmp_path: Path) -> None:
    spy, early, late = (
        incoming().handshake(),
        incoming("192.0.2.2", 1),
        incoming("192.0.2.3", 2).handshake(),
    )
    spy.send(CLIENT, craft.bucket(1002, b"", expect=1, length=70_000))
    early.send(CLIENT, craft.bucket(2002, b"", length=300_000))
    late.send(CLIENT, craft.bucket(2002, b"", length=300_000))
    assert flagged("oversize_message", read(tmp_path, spy, early, late)) == {
        "192.0.2.1": 1,
        "192.0.2.2": 1,
    }


def test_what_the_reader_had_no_room_for_is_not_oversize(tmp_path: Path) -> None:
    talk = incoming().handshake()
    talk.send(CLIENT, craft.notification(2002, craft.transactions([bytes(5000)])))
    traffic = read(tmp_path, talk, limits={"connection_bytes": 3000})
    assert "oversize" in set(traffic.messages["status"])
    assert flagged("oversize_message", traffic) == {}


def test_payload_malformed(tmp_path: Path) -> None:
    spy, holed, cut = (
        incoming().handshake(),
        incoming("192.0.2.2", 1).handshake(),
        incoming("192.0.2.3", 2).handshake(),
    )
    spy.send(CLIENT, craft.request(1002, craft.EPEE_HEADER + b"\x04\x05hello"))
    spy.send(CLIENT, craft.request(1002, craft.epee([("a", 1), ("a", 2)])))
    whole = craft.request(1002, craft.timed_sync_request())
    holed.send(CLIENT, whole[:100])
    holed.skip(CLIENT, 50)
    holed.send(CLIENT, whole[150:])
    holed.send(CLIENT, craft.request(1003))
    cut.send(CLIENT, whole[:-1])
    assert flagged("payload_malformed", read(tmp_path, spy, holed, cut)) == {"192.0.2.1": 2}


def test_noncanonical_encoding(tmp_path: Path) -> None:
    sync = craft.payload_data()
    odd = [
        craft.timed_sync_request(craft.payload_data(extra=("u8", 1))),
        craft.timed_sync_request({**sync, "current_height": ("u32", 5)}),
        craft.timed_sync_request() + b"\0",
        craft.EPEE_HEADER + craft.varint(1, 4) + craft.entry("payload_data", sync),
    ]
    plain = [
        craft.timed_sync_request(dict(reversed(sync.items()))),  # Cuprate's order is another
        # which it leaves out when 0
        craft.timed_sync_request(
            {name: value for name, value in sync.items() if name != "cumulative_difficulty_top64"}
        ),
        craft.timed_sync_request(craft.payload_data(pruning_seed=0)),  # as v0.15 wrote
    ]
    talks = [incoming(f"192.0.2.{number}", number) for number in range(len(odd) + len(plain))]
    for talk, payload in zip(talks, odd + plain, strict=True):
        talk.handshake().send(CLIENT, craft.request(1002, payload))
    pad = incoming("127.0.0.1", 20).handshake()
    pad.send(CLIENT, craft.request(1002, craft.timed_sync_request() + bytes(2000)))
    traffic = read(tmp_path, *talks, pad)
    assert flagged("noncanonical_encoding", traffic) == {
        f"192.0.2.{number}": 1 for number in range(len(odd))
    }
    assert flagged("noncanonical_encoding", traffic, counted_deviations=["default_fields"]) == {
        "192.0.2.6": 1
    }


def test_wrong_network(tmp_path: Path) -> None:
    spy = incoming()
    spy.send(
        CLIENT, craft.request(1001, craft.handshake_request(craft.node_data(network_id=TESTNET)))
    )
    talks = [incoming(f"192.0.2.{number}", number).handshake() for number in (2, 3)]
    assert flagged("wrong_network", read(tmp_path, spy, *talks)) == {"192.0.2.1": 1}


def test_wrong_network_where_the_vantage_node_sent_none(tmp_path: Path) -> None:
    talks = []
    for number, network in enumerate((TESTNET, craft.MAINNET, craft.MAINNET)):
        talk = incoming(f"192.0.2.{number}", number)
        talk.send(
            CLIENT,
            craft.request(1001, craft.handshake_request(craft.node_data(network_id=network))),
        )
        talks.append(talk)
    assert flagged("wrong_network", read(tmp_path, *talks)) == {"192.0.2.0": 1}
    assert flagged("wrong_network", read(tmp_path, *talks[:2])) == {}  # one against one
    fourth = incoming("192.0.2.4", 4)
    fourth.send(
        CLIENT, craft.request(1001, craft.handshake_request(craft.node_data(network_id=TESTNET)))
    )
    # two against two are no majority
    assert flagged("wrong_network", read(tmp_path, *talks, fourth)) == {}


def test_nodes_of_two_networks_behind_one_address(tmp_path: Path) -> None:
    talks = []
    for number, network in enumerate((TESTNET, craft.MAINNET)):
        talk = incoming(f"192.0.2.{number}", number)
        talk.send(
            CLIENT,
            craft.request(1001, craft.handshake_request(craft.node_data(network_id=network))),
        )
        talk.send(
            SERVER,
            craft.response(
                1001, craft.handshake_response(node=craft.node_data(network_id=network))
            ),
        )
        talks.append(talk)
    assert flagged("wrong_network", read(tmp_path, *talks)) == {}


@pytest.mark.parametrize(
    ("port", "odd"), [(18080, True), (28080, True), (38080, True), (443, False)]
)
def test_garbage_on_the_ports_of_the_networks(tmp_path: Path, port: int, odd: bool) -> None:
    talk = Connection(("192.0.2.1", 40000), ("198.51.100.10", port)).open()
    talk.send(CLIENT, b"?")
    assert flagged("garbage", read(tmp_path, talk)) == ({"192.0.2.1": 1} if odd else {})


def test_garbage(tmp_path: Path) -> None:
    probe = incoming()
    probe.send(CLIENT, b"\x15\x03\x01\x02\0\x01\0\x01\xfc" + bytes(508))
    secure = incoming("192.0.2.5", 4)
    secure.send(CLIENT, b"\x16\x03\x01\x02\0\x01\0\x01\xfc" + bytes(508))  # TLS, a kind of its own
    after = incoming("192.0.2.2", 1).handshake()
    after.send(CLIENT, b"\xff" * 50)
    later = incoming("192.0.2.3", 2).handshake()
    later.send(CLIENT, craft.request(1003))
    later.send(
        CLIENT,
        craft.bucket(1003, craft.EMPTY, expect=1, signature=b"\x01\x21\x01\x01\x01\x01\x01\x02"),
    )
    short = incoming("192.0.2.4", 3)
    short.send(CLIENT, b"GET")
    traffic = read(tmp_path, probe, secure, after, later, short)
    assert set(flagged("garbage", traffic)) == {
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
        "192.0.2.4",
    }
    assert set(flagged("garbage", traffic, min_bytes=50)) == {"192.0.2.1", "192.0.2.2"}


def test_no_garbage_of_holes_other_services_and_cut_headers(tmp_path: Path) -> None:
    holed, midstream, cut = (
        incoming().handshake(),
        incoming("192.0.2.2", 1).handshake(),
        incoming("192.0.2.3", 2),
    )
    holed.skip(CLIENT, 100)
    holed.send(CLIENT, b"x" * 100)
    midstream.send(CLIENT, b"y" * 100)
    midstream.packets = midstream.packets[4:]
    cut.send(CLIENT, craft.request(1003)[:32])
    # of whose peer the SYN was not captured
    late = craft.Connection(("192.0.2.4", 40009), ("198.51.100.10", 18080))
    late.emit(
        SERVER, craft.SYN | craft.ACK, sequence=late.sequence[SERVER] - 1, options=craft.mss(1460)
    )
    late.send(CLIENT, b"z" * 100)
    # a chance port of the vantage node's
    web = craft.Connection(("198.51.100.10", 38080), ("192.0.2.5", 443)).open()
    web.send(CLIENT, b"hello")
    web.send(SERVER, b"\x16\x03\x03" + bytes(300))
    traffic = read(tmp_path, holed, midstream, cut, late, web)
    assert {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"} == set(
        traffic.problems[traffic.problems["kind"] == "unframed"].merge(
            traffic.connections, on="connection"
        )["peer"]
    )
    assert flagged("garbage", traffic) == {}


def test_an_observation_points_at_the_frame(tmp_path: Path) -> None:
    talk = incoming().handshake()
    talk.send(CLIENT, b"\xff" * 50)
    finding = find_anomalies(read(tmp_path, talk), rules=["garbage"]).iloc[0]
    (frame,) = [
        number
        for number, packet in enumerate(talk.packets, 1)
        if packet.data.endswith(b"\xff" * 50)
    ]
    assert finding["places"] == [f"capture.pcap:{frame}"]
    assert (finding["score"], finding["unit"], finding["connections"]) == (
        50,
        "stretch of bytes",
        [0],
    )


# ---------------------------------------------------------------- labelled captures

UNSEEN_IN_EXCERPTS = {
    "last_seen_present": {"198.18.68.235"},
    "support_flags_missing": {"198.18.152.25"},
}
"""Of these the excerpts hold nothing that shows it."""


@pytest.mark.parametrize("scenario", spied())
def test_labelled_captures(scenario: truth.Scenario) -> None:
    check_labels(scenario, NAMES, 9, UNSEEN_IN_EXCERPTS)


@pytest.mark.parametrize("paths", honest())
def test_monerods_are_not_flagged(paths: list[Path]) -> None:
    check_monerods(read_files(*paths), NAMES)
