"""The examples of the guide to data sets run, and print what it shows."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from support.paths import HONEST, ROOT

PAGE = ROOT / "docs/how-to/data_set.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "captures").symlink_to(HONEST, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(PAGE.read_text())
    names: dict[str, Any] = {}
    compared = 0
    for (language, source), (kind, output) in itertools.pairwise(blocks):
        if language != "python":
            continue
        tree = ast.parse(source)
        if kind != "text":
            exec(compile(tree, PAGE.name, "exec"), names)
            continue
        last = tree.body.pop()
        assert isinstance(last, ast.Expr), source
        exec(compile(tree, PAGE.name, "exec"), names)
        value = eval(compile(ast.Expression(last.value), PAGE.name, "eval"), names)
        assert str(value) == output.rstrip(), source
        compared += 1
    assert compared == 4
