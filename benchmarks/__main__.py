"""`python -m benchmarks` generates captures and measures decoders. See docs/benchmarks.md."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import metrics, scale, threads, worst
from benchmarks.contenders import DEFAULT, KEYS, Unavailable
from benchmarks.generate import generate
from benchmarks.run import BenchmarkError, run, table
from benchmarks.shares import Shares, parse_size, with_shares

_DEFAULT_SIZE = "200MB"


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _share(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        if not equals:
            raise ValueError
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=number") from None


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def _keys(text: str) -> list[str]:
    keys = text.split(",")
    for key in keys:
        if key not in KEYS:
            raise argparse.ArgumentTypeError(
                f"no such contender: {key} (must be one of {', '.join(KEYS)})"
            )
    return keys


def _add_generator_options(parser: argparse.ArgumentParser) -> None:
    defaults = Shares()
    parser.add_argument(
        "--size",
        type=_size,
        default=_size(_DEFAULT_SIZE),
        help=f"bytes of the file, as 200MB or 1.5GB (default {_DEFAULT_SIZE})",
    )
    parser.add_argument("--seed", type=int, default=1, help="same seed, same file (default 1)")
    parser.add_argument(
        "--share",
        type=_share,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help=(
            f"changes the contents of a day, e.g. messages={defaults.messages} "
            f"full_lists={defaults.full_lists} peers={defaults.peers}; may be repeated"
        ),
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=_positive, default=5, help="rounds (default 5)")
    parser.add_argument(
        "--slow-runs", type=_positive, default=1, help="rounds of dpkt and tshark (default 1)"
    )
    parser.add_argument(
        "--only",
        type=_keys,
        metavar="NAMES",
        help=f"of {','.join(KEYS)}; default {','.join(DEFAULT)}. The bare loop always runs",
    )
    parser.add_argument(
        "--tshark-packets",
        type=_positive,
        default=100_000,
        help="packets that tshark reads; its time is scaled (default 100000)",
    )
    parser.add_argument(
        "--core", type=int, help="number of the processor core (default: the last one allowed)"
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="writes everything measured to FILE (- for standard output, instead of the table)",
    )


def _parser() -> argparse.ArgumentParser:
    text = (
        "Measures speed and memory. Without a command: generates a capture and runs all contenders."
    )
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=text)
    _add_generator_options(parser)
    _add_run_options(parser)
    commands = parser.add_subparsers(dest="command")
    generator = commands.add_parser("generate", help="writes a capture and prints its manifest")
    _add_generator_options(generator)
    generator.add_argument(
        "--pool", type=_positive, default=20_000, help="hosts known in the network (default 20000)"
    )
    generator.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="writes the manifest to FILE instead of standard output",
    )
    generator.add_argument(
        "--blobs",
        type=Path,
        metavar="FILE",
        help="writes the transactions and blocks, each once, to FILE, for run --blobs",
    )
    generator.add_argument(
        "out",
        type=Path,
        metavar="OUT",
        help="the capture; .pcap for pcap, anything else for pcapng",
    )
    runner = commands.add_parser("run", help="runs over a capture")
    _add_run_options(runner)
    runner.add_argument(
        "--blobs",
        type=Path,
        metavar="FILE",
        help="the file of generate --blobs; without it the Keccak pass is skipped",
    )
    runner.add_argument("capture", type=Path, metavar="CAPTURE")
    bounds = commands.add_parser("worst", help="captures of the worst cases")
    bounds.add_argument(
        "--packets",
        type=_positive,
        default=1_000_000,
        help="of the large file of each case (default 1000000)",
    )
    reading = commands.add_parser("threads", help="reads a capture in several threads at once")
    reading.add_argument("--runs", type=_positive, default=5, help="rounds (default 5)")
    reading.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="writes everything measured to FILE (- for standard output, instead of the table)",
    )
    reading.add_argument("capture", type=Path, metavar="CAPTURE")
    judged = commands.add_parser(
        "metrics", help="computes every rule and every metric of a capture"
    )
    judged.add_argument(
        "--times",
        type=_positive,
        default=1,
        help="reads the capture this many times, as separate vantage nodes (default 1)",
    )
    judged.add_argument("capture", type=Path, metavar="CAPTURE")
    _add_scale(commands)
    return parser


def _add_scale(commands: Any) -> None:
    grown = commands.add_parser("scale", help="time and memory of the commands by size of capture")
    grown.add_argument(
        "--sizes",
        type=_sizes,
        default="0.5GB,2GB,6GB",
        metavar="SIZES",
        help="bytes of captures, separated by commas (default 0.5GB,2GB,6GB)",
    )
    grown.add_argument(
        "--commands",
        type=_commands,
        default=",".join(scale.COMMANDS),
        metavar="NAMES",
        help=f"of {','.join(scale.COMMANDS)} (default all)",
    )
    grown.add_argument(
        "--paper",
        action="store_true",
        help="instead: ten vantage-days, decoded one by one into a data set, then judged",
    )
    grown.add_argument(
        "--vantage-days", type=_positive, default=10, help="with --paper (default 10)"
    )
    grown.add_argument(
        "--day-size", type=_size, help="with --paper: bytes of a vantage-day (default a whole day)"
    )
    grown.add_argument(
        "--folder", type=Path, help="where captures are generated (default: temporary files)"
    )
    grown.add_argument(
        "--dataset",
        type=Path,
        metavar="FOLDER",
        help="with --paper: where the data set is written, and kept (default: temporary files)",
    )
    grown.add_argument("--json", type=Path, metavar="FILE", help="writes the figures to FILE")


def _sizes(text: str) -> list[int]:
    return [_size(size) for size in text.split(",")]


def _commands(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in scale.COMMANDS:
            raise argparse.ArgumentTypeError(
                f"no such command: {name} (must be one of {', '.join(scale.COMMANDS)})"
            )
    return names


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _generate(options: argparse.Namespace, out: Path, blobs: Path | None) -> dict[str, Any]:
    return generate(
        out,
        options.size,
        options.seed,
        with_shares(dict(options.share)),
        getattr(options, "pool", 20_000),
        blobs,
    )


def _write_manifest(options: argparse.Namespace) -> None:
    text = json.dumps(_generate(options, options.out, options.blobs), indent=1) + "\n"
    if options.manifest:
        options.manifest.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


def _run(options: argparse.Namespace, capture: Path, blobs: Path | None) -> None:
    result = run(
        capture,
        blobs,
        options.only or DEFAULT,
        options.runs,
        options.slow_runs,
        options.tshark_packets,
        options.core,
        _report,
    )
    _hand_out(options.json, result, table(result))


def _scale(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=options.folder) as name:
        folder = Path(name)
        if options.paper:
            rows = scale.measure_paper(
                folder, _report, options.vantage_days, options.day_size, dataset=options.dataset
            )
        else:
            rows = scale.measure(options.sizes, folder, options.commands, _report)
    _hand_out(options.json, {"rows": rows}, scale.table(rows))


def _hand_out(file: Path | None, result: dict[str, Any], text: str) -> None:
    if file and str(file) != "-":
        file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1) if file and str(file) == "-" else text)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.command == "generate":
            _write_manifest(options)
        elif options.command == "metrics":
            print(metrics.table(metrics.measure(options.capture, options.times, _report)))
        elif options.command == "scale":
            _scale(options)
        elif options.command == "worst":
            print(worst.table(worst.measure(options.packets, _report)))
        elif options.command == "run":
            _run(options, options.capture, options.blobs)
        elif options.command == "threads":
            result = threads.run(options.capture, options.runs, _report)
            _hand_out(options.json, result, threads.table(result))
        else:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                capture, blobs = Path(folder) / "node.pcapng", Path(folder) / "blobs"
                _report(f"generating {options.size / 1e6:.0f} MB")
                _generate(options, capture, blobs)
                _run(options, capture, blobs)
    except (BenchmarkError, Unavailable, OSError, ValueError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
