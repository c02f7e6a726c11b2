"""Measures all rules and all metrics on a large capture: `python -m benchmarks metrics CAPTURE`."""

from __future__ import annotations

import inspect
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# take something else than a View alone
_GIVEN = {
    "autonomous_systems",
    "ban_list_adoption",
    "components",
    "correct_times",
    "countries",
    "first_spy_accuracy",
    "neighbour_accuracy",
    "network_delays",
    "network_groups",
    "network_shares",
    "networks",
    "own_transactions",
    "subnets_of",
}


def measure(capture: Path, times: int, report: Callable[[str], None]) -> list[dict[str, Any]]:
    """Reads the capture `times` times, as separate vantage nodes, and computes every rule of the
    default preset and every metric in turn.

    Reports wall-clock and processor seconds, and the maximum memory so far in bytes. Intermediate
    results that several of them share count for the first one.
    """
    import monerotraffic
    from monerotraffic import metrics
    from monerotraffic.rules import RULES, find_anomalies

    rows: list[dict[str, Any]] = []

    def take(name: str, ready: Callable[[], Any]) -> Any:
        report(name)
        start, cpu = time.perf_counter(), time.process_time()
        result = ready()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        rows.append(
            {
                "name": name,
                "seconds": time.perf_counter() - start,
                "cpu": time.process_time() - cpu,
                "peak": peak,
            }
        )
        return result

    view = metrics.View(
        take(
            "read",
            lambda: monerotraffic.read(
                {f"node{number:02}": str(capture) for number in range(times)}
            ),
        )
    )
    for name in RULES:
        take(f"rule {name}", lambda name=name: find_anomalies(view, rules=[name]))
    clocks = metrics.clock_offsets(view)
    for name in metrics.__all__:
        function = getattr(metrics, name)
        if name in _GIVEN or not inspect.isfunction(function):
            continue
        more = {"clocks": clocks} if "clocks" in inspect.signature(function).parameters else {}
        take(f"metric {name}", lambda function=function, more=more: function(view, **more))
    return rows


def table(rows: list[dict[str, Any]], shown: float = 1.0) -> str:
    """Sums, and the rules and metrics that need `shown` seconds of processor time or more."""
    lines = ["| | seconds | processor seconds | peak memory |", "|---|---:|---:|---:|"]
    for kind in ("read", "rule", "metric"):
        chosen = [row for row in rows if row["name"].startswith(kind)]
        title = kind if kind == "read" else f"all {kind}s ({len(chosen)})"
        lines.append(
            _line(
                title,
                sum(row["seconds"] for row in chosen),
                sum(row["cpu"] for row in chosen),
                max(row["peak"] for row in chosen),
            )
        )
    lines += [
        _line(row["name"], row["seconds"], row["cpu"], row["peak"])
        for row in rows
        if row["cpu"] >= shown and row["name"] != "read"
    ]
    return "\n".join(lines)


def _line(name: str, seconds: float, cpu: float, peak: int) -> str:
    return f"| {name} | {seconds:.1f} | {cpu:.1f} | {peak / 1e9:.1f} GB |"
