"""One run of the package in a process of its own: `python -m benchmarks.ours CAPTURE TABLES`, where
TABLES is `all`, or names with commas, or `-` and the names of those to leave out. Prints what it
found and took as JSON.
"""

import json
import resource
import sys
import time


def main(capture: str, tables: str) -> None:
    import monerotraffic

    wanted = _tables(tables)
    before = _peak()
    start, cpu = time.perf_counter(), time.process_time()
    traffic = monerotraffic.read(capture, tables=wanted)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    report = {
        "within_seconds": seconds,
        "within_cpu": cpu,
        "peak_before": before,
        "packets": int(traffic.arrays["files"]["packets"].sum()),
        "rows": {name: len(rows) for name, rows in traffic.arrays.items()},
        "table_bytes": sum(rows.nbytes for rows in traffic.arrays.values()),
    }
    print(json.dumps(report))


def _tables(text: str) -> list[str] | None:
    """`fields` comes on request only, and is not among the rest of any."""
    from monerotraffic.tables.schema import SCHEMA

    if text == "all":
        return None
    if text.startswith("-"):
        return [name for name in SCHEMA if name not in (*text[1:].split(","), "fields")]
    return text.split(",")


def _peak() -> int:
    """Peak resident memory so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
