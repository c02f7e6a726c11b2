"""The examples of the guides run, and print what they show."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from support.paths import DATA, HONEST, ROOT

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("page", "outputs"), [("data_set", 4), ("compare_two_days", 3)])
def test_examples(page: str, outputs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, folder in {"captures": HONEST, "monday": HONEST, "tuesday": DATA / "spies"}.items():
        (tmp_path / name).symlink_to(folder, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall((ROOT / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    compared = 0
    for (language, source), (kind, output) in itertools.pairwise(blocks):
        if language != "python":
            continue
        tree = ast.parse(source)
        if kind != "text":
            exec(compile(tree, page, "exec"), names)
            continue
        last = tree.body.pop()
        assert isinstance(last, ast.Expr), source
        exec(compile(tree, page, "exec"), names)
        value = eval(compile(ast.Expression(last.value), page, "eval"), names)
        printed = "\n".join(line.rstrip() for line in str(value).splitlines())
        assert printed == output.rstrip(), source
        compared += 1
    assert compared == outputs
