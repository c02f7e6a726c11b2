"""The colour of each thing, the same in every figure of every report.

Verdicts have colours of the palette of Okabe and Ito, kinds of commands those of Paul Tol's palette
"muted": both are distinct for every kind of colour vision.
"""

from __future__ import annotations

__all__ = [
    "BLUE",
    "COMMAND_CLASSES",
    "DIRECTION_COLOURS",
    "GREY",
    "OTHER_COMMANDS",
    "PALETTE",
    "PURPLE",
    "VERDICT_COLOURS",
    "command_class",
]

BLUE, ORANGE, RED, SKY, PURPLE, GREEN = (
    "#0072B2",
    "#E69F00",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#009E73",
)
GREY = "#8A8F98"  # visible on white and on black

VERDICT_COLOURS = {"anomalous": RED, "suspicious": ORANGE, "context": SKY, "none": GREY}
"""The colour of each verdict, the mildest last. `none`: no finding."""

DIRECTION_COLOURS = {"received": PURPLE, "sent": GREEN}
"""Of messages, as seen from the vantage node."""

COMMAND_CLASSES = {
    "handshakes": "#332288",
    "timed syncs": "#88CCEE",
    "pings": "#CC6677",
    "support flags": "#DDCC77",
    "transactions": "#117733",
    "blocks": "#AA4499",
    "chain and objects": "#999933",
    "requests of missing data": "#44AA99",
}
"""Kinds of commands and their colours."""
PALETTE = tuple(COMMAND_CLASSES.values())
"""For things without a colour of their own, such as pairs of vantage nodes."""
OTHER_COMMANDS = "others"

_CLASS_OF = {
    1001: "handshakes",
    1002: "timed syncs",
    1003: "pings",
    1007: "support flags",
    2001: "blocks",
    2002: "transactions",
    2003: "chain and objects",
    2004: "chain and objects",
    2006: "chain and objects",
    2007: "chain and objects",
    2008: "blocks",
    2009: "requests of missing data",
    2010: "requests of missing data",
}


def command_class(command: int) -> str:
    """The kind of a command by its number."""
    return _CLASS_OF.get(int(command), OTHER_COMMANDS)
