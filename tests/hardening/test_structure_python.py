"""The structure of the Python package: tests mirror it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "monerotraffic"
TESTS = ROOT / "tests"

# Modules that are part of another one, and are tested with it: module → test file.
ELSEWHERE = {
    "__main__.py": "test_main.py",
    "_version.py": "test_version.py",
    "cli/compare.py": "cli/test_data_sets.py",
    "cli/evidence.py": "cli/test_findings.py",
    "cli/nodes.py": "rules/test_vantage_nodes.py",
    "cli/own.py": "cli/test_exposure.py",
    "cli/peer.py": "cli/test_data_sets.py",
    "cli/systems.py": "cli/test_report.py",
    "io/options.py": "io/test_reading.py",
    "metrics/advertised.py": "metrics/test_peer_lists.py",
    "metrics/comparisons.py": "metrics/test_peer_lists.py",
    "metrics/extras.py": "metrics/test_clocks.py",
    "metrics/slot_time.py": "metrics/test_exposure.py",
    "metrics/what_if.py": "metrics/test_exposure.py",
    "report/axes.py": "report/test_plots.py",
    "report/comparison.py": "cli/test_data_sets.py",
    "report/exposure.py": "cli/test_exposure.py",
    "report/history.py": "cli/test_data_sets.py",
    "report/peer.py": "cli/test_findings.py",
    "report/sections.py": "report/test_page.py",
    "rules/daily.py": "cli/test_data_sets.py",
    "rules/groups.py": "store/test_groups.py",
    "rules/sources.py": "store/test_groups.py",
    "store/decoding.py": "store/test_decode.py",
    "store/encoding.py": "store/test_decode.py",
    "store/history.py": "cli/test_data_sets.py",
    "store/layout.py": "store/test_dataset.py",
    "store/manifest.py": "store/test_decode.py",
    "store/pandas_columns.py": "store/test_dataset.py",
    "store/parts.py": "store/test_decode.py",
    "store/rows.py": "store/test_dataset.py",
    "store/writing.py": "store/test_decode.py",
    "tables/part_metrics.py": "metrics/test_sources.py",
    "report/summary_totals.py": "report/test_summary.py",
    "tables/pieces.py": "tables/test_spool.py",
    "tables/population.py": "store/test_groups.py",
}


def modules() -> list[Path]:
    return sorted(
        path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"
    )


def test_every_module_has_a_test_file_of_its_name() -> None:
    assert len(modules()) > 80
    untested = [
        path.as_posix()
        for path in modules()
        if not (TESTS / path.parent / f"test_{path.name}").exists()
        and not (TESTS / ELSEWHERE.get(path.as_posix(), "no such file")).is_file()
    ]
    assert untested == []


def test_what_is_tested_elsewhere_exists() -> None:
    assert [name for name in ELSEWHERE if not (PACKAGE / name).is_file()] == []
