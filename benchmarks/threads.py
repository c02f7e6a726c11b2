"""Measures the throughput of several threads that read the same capture at once, relative to one
thread: `python -m benchmarks threads CAPTURE`.
"""

import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.run import machine

COUNTS = (1, 2, 4)


def at_once(capture: str, count: int) -> float:
    """Seconds from the moment when `count` threads begin to read the capture to the end of the last
    one.
    """
    import monerotraffic

    barrier = threading.Barrier(count + 1)
    failures: list[BaseException] = []

    def work() -> None:
        barrier.wait()
        try:
            monerotraffic.read(capture)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    if failures:
        raise failures[0]
    return seconds


def run(
    capture: Path, runs: int, report: Callable[[str], None], counts: Sequence[int] = COUNTS
) -> dict[str, Any]:
    """Runs rounds of all counts in turn, after one round of a single thread that does not count and
    fills the page cache.
    """
    size = capture.stat().st_size
    at_once(str(capture), 1)
    seconds: dict[int, list[float]] = {count: [] for count in counts}
    for round_ in range(runs):
        report(f"round {round_ + 1} of {runs}")
        for count in counts:
            seconds[count].append(at_once(str(capture), count))
    cores = len(os.sched_getaffinity(0))
    lines = []
    for count in counts:
        gains = [
            count * one / mine for one, mine in zip(seconds[counts[0]], seconds[count], strict=True)
        ]
        best = min(seconds[count])
        line = {
            "threads": count,
            "seconds": seconds[count],
            "megabytes_per_second": count * size / best / 1e6,
        }
        lines.append(
            line
            | {
                "gain": statistics.median(gains),
                "gain_best": count * min(seconds[counts[0]]) / best,
            }
        )
    return {
        "capture": {"name": capture.name, "bytes": size},
        "machine": machine(-1) | {"core": None, "cores": cores},
        "threads": lines,
    }


def table(result: dict[str, Any]) -> str:
    """The result as text."""
    capture, host = result["capture"], result["machine"]
    where = f"{host['cores']} cores of {host['processor']}, Python {host['python']}"
    text = [
        f"{capture['name']}: {capture['bytes'] / 1e6:.1f} MB, read by each thread. {where}.",
        "",
    ]
    text.append(
        f"{'threads':>7}  {'s min':>7}  {'s median':>8}  {'MB/s':>7}  {'× one thread':>12}  "
        f"{'of the least':>12}"
    )
    for line in result["threads"]:
        times = f"{min(line['seconds']):7.3f}  {statistics.median(line['seconds']):8.3f}"
        text.append(
            f"{line['threads']:7}  {times}  {line['megabytes_per_second']:7.1f}  "
            f"{line['gain']:12.2f}  {line['gain_best']:12.2f}"
        )
    return "\n".join(text)
