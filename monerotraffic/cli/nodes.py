"""The option --agree, of commands that judge by several vantage nodes."""

from __future__ import annotations

import argparse

from monerotraffic.cli.arguments import count
from monerotraffic.cli.output import Failed
from monerotraffic.report.summary import counted
from monerotraffic.tables.traffic import Traffic
from monerotraffic.tables.view import View

__all__ = ["add_agree", "check_agree"]


def add_agree(command: argparse.ArgumentParser) -> None:
    text = "judge by what at least K of several vantage nodes (--node) find (default: 1)"
    command.add_argument("--agree", type=count, default=1, metavar="K", help=text)


def check_agree(options: argparse.Namespace, traffic: Traffic) -> None:
    """Fails if --agree asks for more vantage nodes than there are."""
    nodes = len(View(traffic).vantages)
    if options.agree > max(1, nodes):
        raise Failed(f"--agree {options.agree} with {counted(nodes, 'vantage node')}: see --node")
