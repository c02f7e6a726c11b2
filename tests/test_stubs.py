"""The binding tells Python what it says in _core.pyi, and says it to people too."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monerotraffic import _core
from support.paths import ROOT

STUB = Path(_core.__file__).with_name("_core.pyi")


def stub_tree() -> ast.Module:
    return ast.parse(STUB.read_text(encoding="utf-8"))


def test_stubtest() -> None:
    pytest.importorskip("mypy")
    # mypy never loads the extension under the sanitizers that this process may have been given
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LD_PRELOAD", "PYTHONPATH")
    }
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy.stubtest",
            "--mypy-config-file",
            "pyproject.toml",
            "monerotraffic._core",
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_stub_names_what_there_is() -> None:
    public = {
        node.name
        for node in stub_tree().body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    assert public == {name for name in vars(_core) if not name.startswith("_")}


def test_stub_names_the_methods() -> None:
    stub = next(
        node
        for node in stub_tree().body
        if isinstance(node, ast.ClassDef) and node.name == "Reader"
    )
    methods = {node.name for node in stub.body if isinstance(node, ast.FunctionDef)}
    there = {name for name in vars(_core.Reader) if not name.startswith("_")} | {
        "__new__",
        "__enter__",
        "__exit__",
    }
    assert methods == there


def members() -> list[tuple[str, Any]]:
    own = [(name, value) for name, value in vars(_core).items() if not name.startswith("_")]
    return own + [
        (f"Reader.{name}", value)
        for name, value in vars(_core.Reader).items()
        if not name.startswith("_")
    ]


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in members()])
def test_documented(value: Any) -> None:
    assert value.__doc__
    assert value.__doc__.partition(">>>")[0].strip().endswith(".")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(value, id=name)
        for name, value in members()
        if callable(value) and name != "CaptureError"
    ],
)
def test_signature_is_known(value: Any) -> None:
    inspect.signature(value)


@pytest.mark.parametrize("tool", ["tables_doc.py", "metrics_doc.py", "rules_doc.py"])
def test_document_is_up_to_date(tool: str) -> None:
    run = subprocess.run(
        [sys.executable, f"tools/{tool}", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
