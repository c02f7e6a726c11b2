"""Ctrl-C, while the core waits for a pipe that says nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from support import craft

_PROGRAM = """
import signal
import sys
import monerotraffic as mt
# a background job inherits that the signal is ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print("ready", flush=True)
    mt.read("-")
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


@pytest.mark.parametrize("begun", [False, True])
def test_ctrl_c_ends_the_wait_for_a_silent_pipe(begun: bool) -> None:
    """Before the first byte (the file is being opened), and in the middle of it."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        if begun:
            child.stdin.write(craft.pcap([])[:24])
            child.stdin.flush()
        # time to get from there into the read; a signal that comes earlier has the same result
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=30)
        assert (out, child.returncode) == (b"interrupted\n", 7)
