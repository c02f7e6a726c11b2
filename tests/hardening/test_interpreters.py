"""Subinterpreters, and builds of CPython without a GIL."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from monerotraffic import _core
from support.paths import DATA, ROOT
from support.programs import HAMMER, PORTS, run_program

pytestmark = pytest.mark.usefixtures("hasty")

# ---------------------------------------------------------------- interpreters


INTERPRETERS = """
    import sys
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters

    path, kind, first, last = sys.argv[1:]

    READS = f'''
    import sys
    import warnings
    warnings.simplefilter("ignore")  # numpy warns that it was not made for this
    try:
        from monerotraffic import _core
    except ImportError as error:
        print("refused:", *str(error).split())
    else:
        with _core.Reader([{path!r}], ports=[18080]) as reader:
            while reader.step(bytes=10_000):
                pass
            print("works:", len(reader.take("messages")))
        try:
            _core.Reader(["nowhere.pcap"], ports=[18080])
        except _core.CaptureError:
            pass
    sys.stdout.flush()
    '''

    def create():
        if kind == "isolated":
            return interpreters.create()
        try:
            return interpreters.create("legacy")  # one GIL for all
        except TypeError:  # before 3.13
            return interpreters.create(isolated=False)

    if first == "True":
        exec(READS, {})
    for _ in range(2):
        one = create()
        # raises the error of the program, since 3.13 returns it
        error = interpreters.run_string(one, READS)
        assert error is None, error
        interpreters.destroy(one)
    if last == "True":
        exec(READS, {})
    print("end", flush=True)
"""


@pytest.mark.parametrize("kind", ["legacy", "isolated"])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("last", [False, True])
def test_subinterpreter_reads_or_is_refused(kind: str, first: bool, last: bool) -> None:
    """Whether it works is numpy's to say, which can be loaded once in a process; what does not
    happen is a crash, or harm to an interpreter that was there before.
    """
    path = str(DATA / "derived" / "qinq.pcap")
    with _core.Reader([path], ports=PORTS) as reader:
        reader.step()
        works = f"works: {len(reader.take('messages'))}"
    run = run_program(INTERPRETERS, path, kind, str(first), str(last), timeout=60)
    assert (run.returncode, run.stdout.splitlines()[-1:]) == (0, ["end"]), run.stdout + run.stderr
    lines = run.stdout.splitlines()[:-1]
    assert len(lines) == 2 + first + last, run.stdout + run.stderr
    refused = [line for line in lines if line.startswith("refused: ")]
    assert set(lines) - set(refused) <= {works}
    assert all("more than once" in line or "subinterpreter" in line for line in refused), refused
    if first:
        assert lines[0] == works
        assert not last or lines[-1] == works


# ---------------------------------------------------------------- without a GIL


def test_binding_can_be_compiled_for_builds_without_a_gil() -> None:
    """They have no stable ABI, and their headers stop whoever asks for it: only setup.py does, for
    the others.
    """
    for source in sorted((ROOT / "csrc").glob("python/*.[ch]")):
        assert "define Py_LIMITED_API" not in source.read_text(encoding="utf-8"), source.name


@pytest.mark.skipif(
    sysconfig.get_config_var("Py_GIL_DISABLED") != 1,
    reason="this CPython is no free-threaded build",
)
def test_free_threaded() -> None:
    assert not Path(_core.__file__).name.endswith(".abi3.so")
    for gil in ("0", "1"):
        for seed in (1, 2, 3):
            run = run_program(
                HAMMER,
                str(DATA / "honest" / "vantage_00001.pcapng"),
                "3000",
                str(seed),
                PYTHON_GIL=gil,
            )
            assert (run.returncode, run.stdout) == (0, "fine\n"), run.stdout + run.stderr
