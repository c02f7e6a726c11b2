"""What the tests of the system around a read share."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from support import craft
from support.paths import TESTS


def pings(count: int, client: str = "192.0.2.1", clock: int = craft.START) -> bytes:
    """A capture of one connection with so many messages."""
    talk = craft.Connection((client, 40000), clock=clock).open()
    for _ in range(count):
        talk.send(craft.CLIENT, craft.request(1003))
    return craft.pcap(talk.packets)


PORTS = (18080, 28080, 38080)


def run_program(
    program: str, *arguments: str, timeout: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A Python program in a process of its own, which tells where it was if it crashes. It finds
    the helpers of the tests.
    """
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    more = {"PYTHONPATH": path, "PYTHONFAULTHANDLER": "1", **environment}
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    return subprocess.run(
        command, env=os.environ | more, capture_output=True, text=True, timeout=timeout, check=False
    )


HAMMER = """
    import collections, gc, random, sys, threading
    from monerotraffic import _core

    path, turns, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.setswitchinterval(5e-6)
    tables = list(_core.schema())
    outcomes, failures = collections.Counter(), []


    def new():
        return _core.Reader([path], ports=[18080])


    def all_of_it():
        with new() as reader:
            while reader.step(bytes=20_000):
                pass
            return (
                {table: reader.take(table).tobytes() for table in ("messages", "peer_lists")},
                reader.addresses(),
                reader.strings(),
            )


    def within(reader):
        with reader as same:
            assert same is reader
            same.step(rows=1)


    uses = {
        "step a little": lambda reader, chance: reader.step(
            bytes=chance.choice([1, 2_000, 20_000])
        ),
        "step by rows": lambda reader, chance: reader.step(rows=chance.choice([1, 50])),
        "step to the end": lambda reader, chance: reader.step(),
        "take": lambda reader, chance: reader.take(chance.choice(tables)),
        "addresses": lambda reader, chance: reader.addresses(chance.choice([0, 3, 10**6])),
        "strings": lambda reader, chance: reader.strings(start=chance.choice([0, 3])),
        "position": lambda reader, chance: reader.position,
        "size": lambda reader, chance: reader.size,
        "dropped": lambda reader, chance: reader.limits_reached,
        "close": lambda reader, chance: reader.close(),
        "with": lambda reader, chance: within(reader),
        "collect": lambda reader, chance: gc.collect(0),
    }
    weights = [9, 5, 0.5, 5, 3, 3, 3, 2, 2, 1, 1, 0.5]
    # a thread that replaces one may drop its last reference, or leave that to a thread inside
    shared = [new(), new()]


    def work(number):
        chance = random.Random(seed * 100 + number)
        try:
            for _ in range(turns):
                name, one = chance.choices(list(uses), weights)[0], chance.randrange(len(shared))
                try:
                    uses[name](shared[one], chance)
                    outcomes[name] += 1
                except RuntimeError as error:
                    assert str(error) == "this Reader is in use by another thread", error
                    outcomes["busy"] += 1
                except ValueError as error:
                    assert str(error) == "this Reader is closed", error
                    outcomes["closed"] += 1
                    shared[one] = new()
                if chance.random() < 0.002:
                    shared[one] = new()
                    outcomes["dropped by replacement"] += 1
        except BaseException as error:
            failures.append(repr(error))


    before = all_of_it()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    for name in (*uses, "busy", "closed"):
        assert outcomes[name] > 0, (name, outcomes)
    assert all_of_it() == before
    print("fine")
"""
