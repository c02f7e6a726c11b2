"""Ctrl-C, while the core waits for a pipe that says nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import monerotraffic as mt
from support import craft

_PROGRAM = """
import signal
import sys
import threading
import time
import monerotraffic as mt

def interrupt():  # the signal arrives in this thread, so that no system call of the other one ends
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

# a background job inherits that the signal is ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print("ready", flush=True)
    if "by itself" in sys.argv:
        threading.Thread(target=interrupt).start()
    mt.read(sys.argv[1])
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


@pytest.mark.parametrize("begun", [False, True])
def test_ctrl_c_ends_the_wait_for_a_silent_pipe(begun: bool) -> None:
    """Before the first byte (the file is being opened), and in the middle of it."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
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


@pytest.mark.parametrize("kind", ["standard input", "named pipe"])
def test_a_signal_that_interrupts_no_system_call(kind: str, tmp_path: Path) -> None:
    """One that comes just before the read, or in another thread."""
    pipe = tmp_path / "pipe.pcap"
    os.mkfifo(pipe)
    source = "-" if kind == "standard input" else str(pipe)
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, source, "by itself"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        try:
            assert child.wait(timeout=60) == 7
        finally:
            child.kill()
        assert child.stdout.read() == b"ready\ninterrupted\n"


def test_a_named_pipe_is_read_to_its_end(tmp_path: Path, capture: Path) -> None:
    pipe = tmp_path / "pipe.pcap"
    os.mkfifo(pipe)
    program = "import sys, monerotraffic as mt; print(len(mt.read(sys.argv[1]).messages))"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(pipe)], stdout=subprocess.PIPE
    ) as child:
        pipe.write_bytes(capture.read_bytes())  # waits for its reader
        assert child.stdout is not None
        count = len(mt.read(capture).messages)
        assert child.stdout.read() == b"%d\n" % count
