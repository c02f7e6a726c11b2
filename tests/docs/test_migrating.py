"""The examples of docs/migrating.md run."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

import monerotraffic as mt
from support import craft
from support.paths import ROOT
from support.pipeline import (
    capture,
    two_in_one,
)


def test_the_examples_of_the_document_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
    examples = re.findall(r"^ *```python\n(.*?)^ *```", document, re.DOTALL | re.MULTILINE)
    assert len(examples) >= 5
    for folder in ("data/pcapng/ams", "data/pcapng/sfo", "data/packets/ams", "results"):
        (tmp_path / folder).mkdir(parents=True)
    capture(tmp_path / "data/pcapng/ams", two_in_one())
    other = craft.Connection(client=("192.0.2.1", 4001), server=("203.0.113.20", 18080)).open()
    other.send(
        craft.CLIENT,
        craft.request(1001, craft.handshake_request(craft.node_data(support_flags=None))),
        cuts=[8],
    )
    capture(tmp_path / "data/pcapng/sfo", other)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(textwrap.dedent(examples[0]), names)
    assert (tmp_path / "results/signature_only_ips.csv").read_text() == "192.0.2.1\n"
    assert sorted(path.name for path in (tmp_path / "data/dataframes").iterdir()) == [
        "peer_packets_ams_without.parquet",
        "peer_packets_sfo_without.parquet",
        "peers_ams_without.parquet",
        "peers_sfo_without.parquet",
    ]
    exec(textwrap.dedent(examples[1]), names)
    assert len((tmp_path / "ams_packets.tsv").read_text().splitlines()) == 4
    names["traffic"] = mt.read("data/pcapng/ams", host="198.51.100.10")
    for example in examples[2:]:
        exec(textwrap.dedent(example), names)
    assert len(json.loads((tmp_path / "data/packets/ams/all.json").read_text())["packets"]) == 7
    assert len(json.loads((tmp_path / "peer_lists.json").read_text())["peer_lists"]) == 1
