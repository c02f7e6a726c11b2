"""Captures made worse, as by taps, disks and clocks: packets of a sound capture with some of them
lost, cut, repeated, in another order or at other times.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from oracle.capture import Packet, read_files
from support import craft

Damage = Callable[[Sequence[Packet], random.Random], list[Packet]]
SECOND = 1_000_000_000


@cache
def packets_of(*paths: Path) -> tuple[Packet, ...]:
    """The packets of a capture, in time order."""
    return tuple(read_files(list(paths))[1])


def write(path: Path, packets: Iterable[Packet]) -> Path:
    """A capture of packets of one link type, in the order given."""
    packets = list(packets)
    links = {packet.link for packet in packets}
    assert len(links) == 1, links
    copies = [craft.Packet(packet.time, packet.data, packet.length) for packet in packets]
    path.write_bytes(craft.pcap(copies, links.pop(), nano=True))
    return path


def lost(share: float) -> Damage:
    """Without a share of the packets, by chance."""
    return lambda packets, chance: [one for one in packets if chance.random() >= share]


def cut(begin: float, end: float) -> Damage:
    """Without a share of the packets at both ends."""
    return lambda packets, _: list(
        packets[round(begin * len(packets)) : round((1 - end) * len(packets))]
    )


def snapped(length: int) -> Damage:
    """No packet is longer than the snap length."""
    return lambda packets, _: [replace(one, data=one.data[:length]) for one in packets]


def one_way(vantage: Iterable[bytes], sent: bool) -> Damage:
    """Only packets that have an address of the vantage node as source (`sent`), or that have not.
    The addresses are 4 or 16 bytes, the packets Ethernet frames.
    """
    hosts = tuple(vantage)

    def is_sent(packet: Packet) -> bool:
        version = packet.data[14] >> 4
        source = packet.data[26:30] if version == 4 else packet.data[22:38]
        return source in hosts

    return lambda packets, _: [one for one in packets if is_sent(one) == sent]


def duplicated(share: float) -> Damage:
    """A share of the packets, at least one, comes twice, the copy after up to 20 others."""

    def damage(packets: Sequence[Packet], chance: random.Random) -> list[Packet]:
        chosen = [at for at in range(len(packets)) if chance.random() < share]
        copies = [
            (at + chance.randrange(1, 20), packets[at])
            for at in chosen or [chance.randrange(len(packets))]
        ]
        numbered = [*enumerate(packets), *copies]
        return in_time_order([one for _, one in sorted(numbered, key=lambda pair: pair[0])])

    return damage


def reordered(window: int, keep_times: bool) -> Damage:
    """Shuffled within a window of packets. `keep_times`: each packet keeps its time, so that times
    go backwards; otherwise the times are assigned in the new order.
    """

    def damage(packets: Sequence[Packet], chance: random.Random) -> list[Packet]:
        order: list[Packet] = []
        for at in range(0, len(packets), window):
            part = list(packets[at : at + window])
            chance.shuffle(part)
            order += part
        times = sorted(one.time for one in packets)
        return (
            order
            if keep_times
            else [replace(one, time=time) for one, time in zip(order, times, strict=True)]
        )

    return damage


def stepped(seconds: float) -> Damage:
    """The clock is set by so much in the middle of the capture."""
    step = round(seconds * SECOND)

    def damage(packets: Sequence[Packet], _: random.Random) -> list[Packet]:
        middle = len(packets) // 2
        return [
            one if at < middle else replace(one, time=one.time + step)
            for at, one in enumerate(packets)
        ]

    return damage


def noisy(milliseconds: float) -> Damage:
    """Every time is wrong by up to so much; the order of packets is right."""
    most = milliseconds * 1_000_000
    return lambda packets, chance: [
        replace(one, time=one.time + round(chance.uniform(-most, most))) for one in packets
    ]


def rounded(seconds: float) -> Damage:
    """A clock that counts in steps."""
    step = round(seconds * SECOND)
    return lambda packets, _: [replace(one, time=one.time // step * step) for one in packets]


def tapped_twice(seconds: float) -> Damage:
    """Two taps record every packet, the second with a delay."""
    delay = round(seconds * SECOND)
    return lambda packets, _: in_time_order(
        sorted(
            [*packets, *(replace(one, time=one.time + delay) for one in packets)],
            key=lambda one: one.time,
        )
    )


def in_time_order(packets: Sequence[Packet]) -> list[Packet]:
    """The packets in this order, with times that do not go backwards."""
    order: list[Packet] = []
    for one in packets:
        order.append(replace(one, time=max(one.time, order[-1].time)) if order else one)
    return order
