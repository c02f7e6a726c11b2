"""python -m testbed OUT: makes a labelled capture. README.md says more."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from testbed.nodes import Program, make_template, newest
from testbed.play import Plan, play
from testbed.scenarios import SCENARIOS
from testbed.stock import make_stock


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m testbed",
        description="Makes a labelled capture of monerods and emulated peers. Needs root.",
    )
    add = parser.add_argument
    add("out", type=Path, help="folder to make; must not be there")
    add("--scenario", choices=sorted(SCENARIOS), default="spies")
    add("--seed", type=int, default=1)
    add("--seconds", type=int, default=520)
    add(
        "--loss",
        type=float,
        default=0.0,
        help="share of the packets that the other hosts lose, each way",
    )
    add(
        "--root",
        type=Path,
        action="append",
        help=(
            "tree of a system that has monero (-: this one); of several the vantage node has the "
            "first"
        ),
    )
    add(
        "--template",
        type=Path,
        default=Path("build/testbed-chain"),
        help="where the chain is that all begin with; made if it is not there",
    )
    add(
        "--nodes",
        type=int,
        default=40,
        help="monerods other than the vantage node, where there are many",
    )
    add(
        "--stock",
        type=int,
        default=345,
        help="transactions to sign for the scenario vantages, next to the template; once",
    )
    given = parser.parse_args()
    programs = [
        Program(None if str(root) == "-" else root.resolve()) for root in given.root or [Path("-")]
    ]
    if not given.template.exists():
        make_template(given.template, newest(programs))
    if given.scenario == "vantages":
        stock = given.template.with_name(f"{given.template.name}-stock")
        if not stock.exists():
            make_stock(given.template, stock, newest(programs), given.stock)
        given.template = stock
    given.out.mkdir(parents=True)
    # whatever ends a run, nothing of it stays
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asyncio.run(
        play(
            Plan(
                given.out,
                given.scenario,
                given.seed,
                given.seconds,
                given.loss,
                programs,
                given.template,
                given.nodes,
            )
        )
    )


if __name__ == "__main__":
    main()
