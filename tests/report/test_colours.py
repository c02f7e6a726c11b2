"""Colours that are the same in every report, and that can be told apart."""

from __future__ import annotations

from monerotraffic.report.colours import (
    COMMAND_CLASSES,
    DIRECTION_COLOURS,
    OTHER_COMMANDS,
    VERDICT_COLOURS,
    command_class,
)


def channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def test_one_colour_per_thing() -> None:
    colours = [*VERDICT_COLOURS.values(), *DIRECTION_COLOURS.values(), *COMMAND_CLASSES.values()]
    assert len(set(colours)) == len(colours)


def test_verdicts_differ_without_red_and_green() -> None:
    """In brightness, or in blue against yellow, which nearly everyone sees."""
    seen = [channels(colour) for colour in VERDICT_COLOURS.values()]
    for number, (red, green, blue) in enumerate(seen):
        for other in seen[number + 1 :]:
            luminance = abs((2 * red + 7 * green + blue) - (2 * other[0] + 7 * other[1] + other[2]))
            hue = abs((blue - (red + green) / 2) - (other[2] - (other[0] + other[1]) / 2))
            assert luminance / 10 > 40 or hue > 60


def test_every_command_has_a_class() -> None:
    for command in (1001, 1002, 1003, 1007, 2001, 2002, 2003, 2004, 2006, 2007, 2008, 2009, 2010):
        assert command_class(command) in COMMAND_CLASSES
    assert command_class(1999) == OTHER_COMMANDS
