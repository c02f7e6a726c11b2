"""The report: whole, the same each time, and whatever stands in a capture is only text in it."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import html.parser
import re
from ipaddress import ip_address
from pathlib import Path

import pandas as pd
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

import monerotraffic as mt
from monerotraffic import banlist, report
from monerotraffic.cli import main
from monerotraffic.report.figures import FIGURES
from monerotraffic.report.page import page as page_text
from monerotraffic.rules import find_anomalies, verdicts
from support import craft
from support.captures import conversation, put
from support.comparison import read
from support.craft import CLIENT, Connection
from support.findings import finding, frame
from support.paths import DATA


class Page(html.parser.HTMLParser):
    """Tags that are open and not closed, addresses that are loaded, captions."""

    VOID = frozenset({"meta", "br", "img", "link", "path", "use", "rect", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [
            value
            for name, value in attributes
            if name in ("src", "href", "xlink:href")
            and value
            and not value.startswith(("#", "data:,"))
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def traffic() -> mt.Traffic:
    return read(*sorted((DATA / "spies").glob("vantage_*")))


@pytest.fixture(scope="module")
def written(traffic: mt.Traffic, tmp_path_factory: pytest.TempPathFactory) -> report.Written:
    """With all that a paper takes over."""
    return report.write(traffic, tmp_path_factory.mktemp("report") / "new" / "out", paper=True)


@pytest.fixture(scope="module")
def findings(traffic: mt.Traffic) -> pd.DataFrame:
    return find_anomalies(traffic)


def test_the_page_is_whole(written: report.Written) -> None:
    page = Page(written.page.read_text(encoding="utf-8"))
    assert page.open == []
    assert page.loaded == []
    assert page.tags.count("script") == 1
    assert 6 < page.tags.count("svg") < page.tags.count("figure") == page.tags.count("figcaption")


def test_same_bytes_each_time(traffic: mt.Traffic, written: report.Written, tmp_path: Path) -> None:
    report.write(traffic, tmp_path, paper=True)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(
        [
            "report.html",
            "findings.csv",
            "ban_list.txt",
            "ban_list_plain.txt",
            "macros.tex",
            *(f"figure_{drawing.name}.pdf" for drawing in FIGURES),
        ]
    )
    assert [(written.page.parent / name).read_bytes() for name in names] == [
        (tmp_path / name).read_bytes() for name in names
    ]


def test_findings_are_all_in_the_csv(written: report.Written, findings: pd.DataFrame) -> None:
    assert len(findings) > 0
    page = written.page.read_text(encoding="utf-8")
    with written.findings.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["peer"], row["rule"], int(row["observations"])) for row in rows] == list(
        zip(findings.peer, findings.rule, findings["observations"], strict=True)
    )
    assert rows[0]["places"].split("; ")[0] == findings.places[0][0]
    for peer in verdicts(findings).query("verdict != 'context'").peer:
        assert f"<code>{peer}</code>" in page


def test_the_ban_list_has_the_anomalous(written: report.Written, findings: pd.DataFrame) -> None:
    judged = verdicts(findings)
    listed = banlist.read(written.ban_list)
    plain = written.plain_ban_list.read_text()
    assert "#" not in plain
    assert banlist.parse(plain).addresses == listed.addresses
    assert [entry.prefix for entry in listed] == sorted(
        judged.peer[judged.verdict == "anomalous"], key=lambda peer: ip_address(peer).packed
    )


def test_text_that_a_paper_uses(
    traffic: mt.Traffic, written: report.Written, findings: pd.DataFrame
) -> None:
    lines = (written.page.parent / "macros.tex").read_text().splitlines()
    macros = dict(
        re.fullmatch(r"\\newcommand\{\\([A-Za-z]+)\}\{(.*)\}", line).groups() for line in lines
    )
    assert macros["totalUniqueIPs"] == str(traffic.connections.peer.nunique())
    assert macros["rulesupportflagsmissing"] == str(
        findings[findings.rule == "support_flags_missing"].peer.nunique()
    )
    assert float(macros["sharesupportflagsmissing"]) == pytest.approx(
        100 * int(macros["rulesupportflagsmissing"]) / int(macros["totalUniqueIPs"]), abs=0.05
    )


def test_every_caption_says_what_a_high_value_means() -> None:
    for drawing in FIGURES:
        assert any(word in drawing.caption for word in ("high", "long", "Dense")), drawing.name


def test_autonomous_systems_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = MMDBWriter(4, "GeoLite2-ASN")
    writer.insert_network(
        IPSet(["198.18.0.0/15"]),
        {"autonomous_system_number": 64500, "autonomous_system_organization": "Benchmarks & Co."},
    )
    writer.to_db_file(str(tmp_path / "asn.mmdb"))
    captures = [str(path) for path in sorted((DATA / "spies").glob("vantage_*"))]
    assert (
        main(
            ["report", *captures, "-o", str(tmp_path / "out"), "--asn", str(tmp_path / "asn.mmdb")]
        )
        == 0
    )
    assert "AS64500 Benchmarks &amp; Co." in (tmp_path / "out" / "report.html").read_text(
        encoding="utf-8"
    )
    capsys.readouterr()
    (tmp_path / "broken.mmdb").write_bytes(b"nothing")
    for name, text in (("none.mmdb", "No such file"), ("broken.mmdb", "broken.mmdb: ")):
        assert (
            main(["report", *captures, "-o", str(tmp_path / "no"), "--asn", str(tmp_path / name)])
            == 1
        )
        assert text in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_captures_cannot_write_into_the_page(tmp_path: Path) -> None:
    """A file name that looks like HTML, hostile names in peer lists."""
    talk = Connection(("192.0.2.1", 40000), ("198.51.100.10", 18080)).open()
    talk.send(
        CLIENT, craft.request(1001, craft.handshake_request(craft.node_data(support_flags=None)))
    )
    talk.close()
    path = tmp_path / "<script>alert(1)\u202e.pcap"
    path.write_bytes(craft.pcap(talk.packets))
    page = report.write(
        mt.read(path, host="198.51.100.10"), tmp_path / "out", title="<b>title</b>"
    ).page.read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "<b>title</b>" not in page
    assert "\u202e" not in page


def test_a_capture_without_anything(tmp_path: Path) -> None:
    """The page says what to check, and which figures have no data."""
    path = tmp_path / "empty.pcap"
    path.write_bytes(craft.pcap([]))
    page = report.write(mt.read(path), tmp_path / "out").page.read_text(encoding="utf-8")
    assert "<b>No peer was seen.</b>" in page
    assert "Check that the capture was made at the node" in page
    assert "monerod --ban-list ban_list.txt</pre>" not in page
    assert Page(page).open == []
    assert "<svg" not in page
    assert all(f"{drawing.title} (" in page for drawing in FIGURES)


def test_an_honest_capture_asks_for_nothing(tmp_path: Path) -> None:
    traffic = read(*sorted((DATA / "honest").glob("vantage_*")))
    text = page_text(traffic, find_anomalies(traffic))
    assert "No peer of 7 is anomalous" in text
    assert "What to do: nothing" in text
    assert 'id="findings"' not in text


def test_the_head_says_what_to_do(written: report.Written, findings: pd.DataFrame) -> None:
    """Peers, verdict, shares of connection time, and the commands, before all else."""
    text = written.page.read_text(encoding="utf-8")
    head = text[text.index("<main>") : text.index('id="findings"')]
    count = verdicts(findings)["verdict"].value_counts()
    assert f"<b>{count['anomalous']} of 24 peers are anomalous</b>" in head
    assert f"</b>, {count['suspicious']} more are suspicious" in head
    assert "of incoming connection time" in head
    assert "of outgoing connection time" in head
    assert "<pre>monerod --ban-list ban_list.txt</pre>" in head
    assert "ban_list_plain.txt" in head


def test_reasons_are_shown_in_words(written: report.Written, findings: pd.DataFrame) -> None:
    text = html.unescape(written.page.read_text(encoding="utf-8"))
    for reason in findings["reason"]:
        assert reason in text, reason
    body = re.sub(r"<style>.*?</style>|<script>.*?</script>|<svg.*?</svg>", "", text, flags=re.S)
    assert "`" not in body and "{" not in body
    assert "peers, confidence" not in body
    assert re.search(r"anomalous, confidence [01]\.\d\d", body)


def test_links_lead_somewhere(written: report.Written) -> None:
    text = written.page.read_text(encoding="utf-8")
    targets = set(re.findall(r'href="#([^"]+)"', re.sub(r"<svg.*?</svg>", "", text, flags=re.S)))
    ids = re.findall(r' id="([^"]+)"', text)
    assert targets <= set(ids)
    assert {"findings", "figures", "bans", "context", "rules"} <= targets
    assert len(ids) == len(set(ids))


def test_every_image_has_a_text_alternative(written: report.Written) -> None:
    text = written.page.read_text(encoding="utf-8")
    images = re.findall(r"<svg([^>]*)>", text)
    assert images
    for attributes in images:
        assert 'role="img"' in attributes
        assert len(re.findall(r'aria-label="([^"]{20,})"', attributes)) == 1
    assert "Horizontal axis: UTC" in text


def test_a_page_of_any_size_is_small(traffic: mt.Traffic) -> None:
    """Findings of thousands of peers, with long places."""
    rows = [
        finding(f"20.{number >> 8}.{number & 255}.1", places=(f"{'x' * 200}.pcap:{number}",) * 20)
        for number in range(3000)
    ]
    text = page_text(traffic, frame(*rows))
    assert len(text) < 3_000_000
    assert "findings.csv lists 2700 more" in text
    assert text.count('<details class="peer"') == 300


def test_packets_that_were_not_read(tmp_path: Path) -> None:
    """They may hold Monero traffic: the page says so."""
    encrypted = bytes(12) + b"\x88\xe5\x0c" + bytes(499)
    frames = [craft.Packet(craft.START + i, encrypted) for i in range(10)]
    path = put(tmp_path / "a.pcap", [*conversation().packets, *frames])
    page = report.write(mt.read(path), tmp_path / "out").page.read_text()
    assert "for which packets were not read" in page
    assert "10 packets (5,140 bytes, the first is frame " in page
    assert "EtherType 0x88e5 (MACsec)" in page
    path = put(tmp_path / "b.pcap", conversation().packets)
    page = report.write(mt.read(path), tmp_path / "out").page.read_text()
    assert "for which packets were not read" not in page


def test_findings_of_several_nodes_name_their_node(traffic: mt.Traffic) -> None:
    here, there = finding("20.0.0.1"), {**finding("20.0.0.1"), "vantage": "<sfo>"}
    text = page_text(traffic, frame(here, there, finding("20.0.0.2")))
    assert text.count(", at &lt;sfo&gt;</dd>") == text.count(", at 198.51.100.10</dd>") == 1


def test_content_security_policy(tmp_path: Path) -> None:
    """The page loads nothing, and runs nothing but its own script, whatever a peer gets into it."""
    path = put(tmp_path / "a.pcap", conversation().packets)
    text = report.write(mt.read(path), tmp_path).page.read_text()
    assert text.count('<meta http-equiv="Content-Security-Policy"') == 1
    (script,) = re.findall(r"<script>(.*?)</script>", text, flags=re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; " in text
    assert text.index("Content-Security-Policy") < text.index("<style>") < text.index("<script")
    assert text.count("<script") == 1
    assert not re.search(r"\bon\w+=|javascript:", text)
