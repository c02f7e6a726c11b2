"""The extension module: how it is linked and compiled, and which symbols it needs."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sysconfig

import pytest

from monerotraffic import _core

SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")


needs_readelf = pytest.mark.skipif(
    shutil.which("readelf") is None, reason="readelf, which comes with the compiler, is not there"
)


needs_plain_build = pytest.mark.skipif(
    SANITIZED, reason="the sanitizers bring symbols and checks of their own"
)


# What a decoder has no use for, by patterns. A denylist: what a libc, a libpcap or another CPython
# calls what we do use is not ours to know.
DENIED = """
    system popen exec* fexecve fork vfork clone posix_spawn* wordexp
    dlopen dlmopen
    fopen freopen creat mkstemp* mkostemp* mkdtemp tmpfile tmpnam tempnam mktemp
    write pwrite* writev pwritev* fwrite sendfile copy_file_range splice
    rename* unlink* remove rmdir mkdir* link linkat symlink* mknod* mkfifo* chmod fchmod*
    chown fchown* truncate ftruncate utime*
    socket connect bind listen accept* send sendto sendmsg recv* getaddrinfo gethostbyname*
    setuid setgid setgroups putenv setenv ptrace mprotect
    gets strcpy strcat stpcpy sprintf vsprintf scanf fscanf sscanf *__isoc*scanf alloca
    pcap_open_live pcap_create pcap_activate pcap_dump_open* pcap_inject pcap_sendpacket
    pcap_compile
    PyRun_* Py_CompileString* PyEval_EvalCode* PyMarshal_*
""".split()  # noqa: SIM905


def readelf(*options: str) -> str:
    return subprocess.run(
        ["readelf", "--wide", *options, _core.__file__],
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def symbols() -> tuple[set[str], set[str]]:
    """Names of what the extension gives to others, and of what it takes from them, without
    versions.
    """
    given, taken = set(), set()
    for line in readelf("--dyn-syms").splitlines():
        fields = line.split()
        if (
            len(fields) >= 8
            and fields[0].rstrip(":").isdigit()
            and fields[4] in ("GLOBAL", "WEAK", "UNIQUE")
        ):
            (taken if fields[6] == "UND" else given).add(fields[7].split("@")[0])
    return given, taken


def denied(names: set[str]) -> set[str]:
    """The 64 of large files and the check of a fortified function make no difference."""
    plain = {name: re.sub(r"^__(\w+)_chk$", r"\1", name).removesuffix("64") for name in names}
    return {
        name
        for name, core in plain.items()
        if any(fnmatch.fnmatchcase(core, pattern) for pattern in DENIED)
    }


@needs_readelf
@needs_plain_build
def test_binary_is_hardened() -> None:
    dynamic, segments = readelf("--dynamic"), readelf("--segments")
    assert re.search(r"\(FLAGS\).*BIND_NOW", dynamic), "symbols are not resolved at once"
    assert "GNU_RELRO" in segments, "the table of imports stays writeable"
    (stack,) = re.findall(r"GNU_STACK(?:\s+0x\w+){5}\s+([RWE ]+?)\s+0x", segments)
    assert stack == "RW", "the stack can be executed"
    assert not re.search(r"^\s*LOAD.*\bRWE\b", segments, re.MULTILINE)
    assert "TEXTREL" not in dynamic


@needs_readelf
@needs_plain_build
def test_binary_looks_for_libraries_where_python_does() -> None:
    """No path of a build folder. Some CPythons are built with a path to their own libraries, and
    hand it on to every extension.
    """
    run_paths = [
        path
        for paths in re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", readelf("--dynamic"))
        for path in paths.split(":")
    ]
    flags = shlex.split(
        " ".join(str(sysconfig.get_config_var(name) or "") for name in ("LDFLAGS", "LDSHARED"))
    )
    given = {
        path for flag in flags if flag.startswith("-Wl,-rpath") for path in re.split("[,=:]", flag)
    }
    assert set(run_paths) <= given


@needs_readelf
@needs_plain_build
def test_binary_exports_one_symbol_and_imports_only_allowed_ones() -> None:
    given, taken = symbols()
    assert given - {"_init", "_fini"} == {"PyInit__core"}
    assert {"open", "read", "close"} <= {name.removesuffix("64") for name in taken}, (
        "the symbols were not understood"
    )
    assert denied(taken) == set()
    assert denied(
        {"system", "__sprintf_chk", "fopen64", "execve", "pcap_dump_open", "snprintf", "read"}
    ) == {"system", "__sprintf_chk", "fopen64", "execve", "pcap_dump_open"}


@needs_readelf
@needs_plain_build
@pytest.mark.skipif(
    "-O0" in shlex.split(os.environ.get("CFLAGS", "")),
    reason="functions are fortified by the optimiser",
)
def test_binary_checks_its_stack_and_its_copies() -> None:
    taken = symbols()[1]
    assert any(name.startswith("__stack_chk_") for name in taken)
    if sysconfig.get_config_var("SOABI") and "musl" in sysconfig.get_config_var("SOABI"):
        pytest.skip("musl has no fortified functions")
    assert {"__snprintf_chk", "__vsnprintf_chk"} & taken
