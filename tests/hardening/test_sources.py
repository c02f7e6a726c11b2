"""The sources use no function that a reader of captures does not need."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import monerotraffic as mt

PACKAGE = Path(mt.__file__).parent


NOT_CALLED = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}


NOT_IMPORTED = {
    "subprocess",
    "pickle",
    "marshal",
    "shelve",
    "dbm",
    "ctypes",
    "ssl",
    "http",
    "urllib",
    "ftplib",
    "smtplib",
    "multiprocessing",
    "pty",
    "code",
    "tempfile",
    "shutil",
    "runpy",
}


NOT_OF_OS = {
    "system",
    "popen",
    "fork",
    "forkpty",
    "startfile",
    "putenv",
    "remove",
    "unlink",
    "rename",
    "replace",
    "mkdir",
    "makedirs",
    "rmdir",
    "chmod",
    "chown",
    "symlink",
    "link",
    "truncate",
    "utime",
}


NOT_OF_ANYTHING = {
    "read_pickle",
    "to_pickle",
    "write_text",
    "write_bytes",
    "mkdir",
    "unlink",
    "touch",
}


OF_SOCKET = {"AF_INET", "AF_INET6", "inet_pton"}  # addresses as bytes: no connection


# whose task it is to write files, those that they are given the names of
WRITERS = {"atomic", "compat", "cli", "report", "store"}
# a scan is judged from a data set in a folder that is removed afterwards; long columns of a data
# set are in a file without a name
WRITING_MODULES = {"metrics/sources.py", "tables/spool.py"}


IMPORTED_BY_WRITERS = {"tempfile", "shutil"}


# a file that is replaced is whole at every moment
OF_WRITERS = {"write_text", "write_bytes", "mkdir", "replace", "unlink"}


def offences(source: str, writes: bool = False) -> list[str]:
    """What a module does that it should not."""
    places = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
            places += [
                f"import {module}"
                for module in modules
                if module.split(".")[0] in NOT_IMPORTED - (IMPORTED_BY_WRITERS if writes else set())
            ]
            if isinstance(node, ast.ImportFrom) and node.module == "os":
                places += [f"os.{alias.name}" for alias in node.names if alias.name in NOT_OF_OS]
            if isinstance(node, ast.ImportFrom) and node.module == "socket":
                places += [
                    f"socket.{alias.name}" for alias in node.names if alias.name not in OF_SOCKET
                ]
        elif isinstance(node, ast.Attribute):
            of_os = isinstance(node.value, ast.Name) and node.value.id == "os"
            if of_os and (
                node.attr in NOT_OF_OS - (OF_WRITERS if writes else set())
                or re.match("exec|spawn|posix_spawn", node.attr)
            ):
                places.append(f"os.{node.attr}")
            if (
                isinstance(node.value, ast.Name)
                and node.value.id == "socket"
                and node.attr not in OF_SOCKET
            ):
                places.append(f"socket.{node.attr}")
            if node.attr in NOT_OF_ANYTHING - (OF_WRITERS if writes else set()):
                places.append(f".{node.attr}")
        elif isinstance(node, ast.Call):
            name = (
                node.func.id
                if isinstance(node.func, ast.Name)
                else node.func.attr
                if isinstance(node.func, ast.Attribute)
                else ""
            )
            if isinstance(node.func, ast.Name) and name in NOT_CALLED:
                places.append(f"{name}()")
            if any(keyword.arg in ("shell", "allow_pickle") for keyword in node.keywords):
                places.append("shell= or allow_pickle=")
            to_nowhere = bool(node.args) and ast.unparse(node.args[0]) == "os.devnull"
            if name == "open" and not writes and not to_nowhere:
                modes = [
                    node.args[-1] if node.args else None,
                    *(keyword.value for keyword in node.keywords if keyword.arg == "mode"),
                ]
                if not any(
                    isinstance(mode, ast.Constant) and mode.value in ("r", "rb") for mode in modes
                ):
                    places.append("open() other than for reading")
    return places


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_sources_do_nothing_they_should_not(path: Path) -> None:
    own = path.relative_to(PACKAGE)
    writes = own.parts[0].removesuffix(".py") in WRITERS or own.as_posix() in WRITING_MODULES
    assert offences(path.read_text(encoding="utf-8"), writes) == []


@pytest.mark.parametrize(
    ("source", "offence"),
    [
        ("eval('1')", "eval()"),
        ("import subprocess", "import subprocess"),
        ("from pickle import load", "import pickle"),
        ("import os\nos.system('x')", "os.system"),
        ("from os import popen", "os.popen"),
        ("import os\nos.execv('x', [])", "os.execv"),
        ("run('x', shell=True)", "shell= or allow_pickle="),
        ("open('x', 'w')", "open() other than for reading"),
        ("path.open(mode=how)", "open() other than for reading"),
        ("path.write_text('x')", ".write_text"),
        ("import socket\nsocket.socket()", "socket.socket"),
        ("from socket import create_connection", "socket.create_connection"),
    ],
)
def test_an_offence_is_found(source: str, offence: str) -> None:
    assert offences(source) == [offence]
