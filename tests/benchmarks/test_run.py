"""The side-by-side run against itself. No test asserts a time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.contenders import Contender
from benchmarks.keccak import keccak256
from benchmarks.run import Bench, Sample
from support.benchmark_captures import Blob

# whoever built the core has one
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="builds a contender in C"
)


@needs_compiler
def test_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, blobs_file, manifest_file, results = (
        tmp_path / name for name in ("node.pcapng", "blobs", "manifest.json", "results.json")
    )
    share = ("--share", "peers=10", "--share", "syncs=3000")
    files = ("--blobs", str(blobs_file), "--manifest", str(manifest_file), str(capture))
    assert main(["generate", "--size", "2MB", "--seed", "4", "--pool", "1000", *share, *files]) == 0
    keys = "all,keccak,without_blobs,peer_lists,messages"
    assert (
        main(
            [
                "run",
                str(capture),
                "--blobs",
                str(blobs_file),
                "--runs",
                "2",
                "--only",
                keys,
                "--json",
                str(results),
            ]
        )
        == 0
    )
    manifest, result = json.loads(manifest_file.read_text()), json.loads(results.read_text())

    assert result["left_out"] == {}
    assert result["capture"] == {
        "name": "node.pcapng",
        "bytes": capture.stat().st_size,
        "packets": manifest["packets"],
    }
    ours = [
        "without_blobs",
        "without_blobs:read",
        "peer_lists",
        "peer_lists:read",
        "messages",
        "messages:read",
    ]
    keccak = ["keccak", "keccak:hash", "all-keccak", "all-keccak:read"]
    assert [line["key"] for line in result["summary"]] == [
        "libpcap",
        "all",
        "all:read",
        *keccak,
        *ours,
    ]
    assert [len(samples) for samples in result["samples"].values()] == [2] * 6
    reports = {key: samples[0]["report"] for key, samples in result["samples"].items()}
    rows = {key: report.get("rows", {}) for key, report in reports.items()}
    for table in ("transactions", "blocks", "inventories"):
        assert rows["all"][table] == manifest[table] > 0
        assert table not in rows["without_blobs"]
    assert rows["all"].keys() - rows["without_blobs"].keys() == {
        "transactions",
        "blocks",
        "inventories",
    }
    assert {rows[key]["messages"] for key in ("all", "without_blobs", "messages")} == {
        manifest["messages"]
    }
    assert {rows[key]["peer_lists"] for key in ("all", "without_blobs", "peer_lists")} == {
        manifest["peer_list_entries"]
    }
    lines = {line["key"]: line for line in result["summary"]}
    assert lines["libpcap"]["ratio_median"] == 1
    assert all(line["seconds_median"] >= line["seconds_min"] for line in lines.values())
    assert all(line["seconds_min"] > 0 for key, line in lines.items() if not key.startswith("all-"))
    assert (
        lines["all"]["peak_bytes"]
        >= lines["all"]["peak_before_read_bytes"]
        > lines["libpcap"]["peak_bytes"]
    )
    assert "bare libpcap loop" in capsys.readouterr().out

    assert (
        reports["keccak"]["blobs"]
        == manifest["distinct_transactions"] + manifest["distinct_blocks"]
    )
    assert (
        reports["keccak"]["blob_bytes"]
        == manifest["distinct_transaction_bytes"] + manifest["distinct_block_bytes"]
    )
    distinct = _blobs_of(blobs_file)
    assert len(set(distinct)) == len(distinct) == reports["keccak"]["blobs"]
    hashes = 0
    for one in keccak256(distinct):
        hashes ^= int.from_bytes(one, "big")
    assert reports["keccak"]["hashes"] == f"{hashes:064x}"


def _blobs_of(path: Path) -> list[bytes]:
    rest, blobs = Blob(path.read_bytes()), []
    while rest.rest:
        blobs.append(rest.take(int.from_bytes(rest.take(4), "little")))
    return blobs


def test_the_time_of_hashing_is_taken_off_round_by_round(tmp_path: Path) -> None:
    (tmp_path / "node.pcapng").write_bytes(bytes(1000))
    bench = object.__new__(Bench)
    bench._capture = tmp_path / "node.pcapng"
    loop, tables, hashing = (3.0, 1.0, 2.0), (9.0, 4.0, 7.0), (3.0, 1.0, 1.0)
    bench.samples = {
        "libpcap": [Sample(number, 50.0, cpu, 0) for number, cpu in enumerate(loop)],
        "all": [
            Sample(number, 90.0, cpu + 1, 0, {"within_seconds": 80.0, "within_cpu": cpu})
            for number, cpu in enumerate(tables)
        ],
        "keccak": [
            Sample(number, 99.0, 99.0, 0, {"within_seconds": 30.0, "within_cpu": cpu})
            for number, cpu in enumerate(hashing)
        ],
    }
    contenders = [
        Contender(key, key, (), within=within)
        for key, within in (("libpcap", None), ("all", ("read", "")), ("keccak", ("hash", "")))
    ]
    ratios = {line.key: line.as_json()["cpu_ratio_median"] for line in bench.summaries(contenders)}
    assert ratios["all-keccak"] == pytest.approx(3.5)  # of 7/3, 4, 7/2
    assert ratios["all-keccak:read"] == pytest.approx(3.0)  # of 2, 3, 3
    assert ratios["all:read"] == pytest.approx(3.5)  # of 3, 4, 7/2


@needs_compiler
def test_without_the_blobs_the_keccak_pass_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / "node.pcapng"
    assert (
        main(
            [
                "generate",
                "--size",
                "100KB",
                "--pool",
                "1000",
                "--manifest",
                str(tmp_path / "manifest"),
                str(capture),
            ]
        )
        == 0
    )
    assert main(["run", str(capture), "--runs", "1", "--only", "all,keccak"]) == 0
    out = capsys.readouterr().out
    assert "left out: keccak: " in out
    assert "Keccak pass" not in out


def test_threads_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, results = tmp_path / "node.pcapng", tmp_path / "results.json"
    assert (
        main(
            [
                "generate",
                "--size",
                "100KB",
                "--pool",
                "1000",
                "--manifest",
                str(tmp_path / "manifest"),
                str(capture),
            ]
        )
        == 0
    )
    assert main(["threads", str(capture), "--runs", "2", "--json", str(results)]) == 0
    result = json.loads(results.read_text())
    assert [line["threads"] for line in result["threads"]] == [1, 2, 4]
    assert all(len(line["seconds"]) == 2 and min(line["seconds"]) > 0 for line in result["threads"])
    assert result["threads"][0]["gain"] == result["threads"][0]["gain_best"] == 1
    assert result["capture"]["bytes"] == capture.stat().st_size
    assert "× one thread" in capsys.readouterr().out
    assert main(["threads", str(tmp_path / "missing.pcapng"), "--runs", "1"]) == 1
    (tmp_path / "none.pcap").write_bytes(b"no capture")
    assert main(["threads", str(tmp_path / "none.pcap"), "--runs", "1"]) == 1
    assert "not a capture" in capsys.readouterr().err


@needs_compiler
def test_a_missing_file_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tmp_path / "missing.pcapng"), "--runs", "1", "--only", "libpcap"]) == 1
    assert "missing.pcapng" in capsys.readouterr().err
