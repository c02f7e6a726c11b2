"""tools/check_prose.py finds listed words in prose of every kind, and not in code."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_prose.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_prose", TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_prose"] = module
    spec.loader.exec_module(module)
    return module


check_prose = load()


def faults(path: str, text: str) -> list[tuple[int, str]]:
    """Line and word of each fault."""
    all_faults = check_prose.faults_of(path, text)
    return [(fault.line, fault.text.split("'")[1]) for fault in all_faults if "'" in fault.text]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("page.md", "One.\n\nThe table tells it.\n", [(3, "tells")]),
        ("page.md", "```\ntells\n```\n\n`tells` is code.\n", []),
        ("page.md", "A list\nof\nthese.\n", [(2, "of these")]),
        ("page.md", "For each of these files.\n", []),
        ("page.md", "Nodes behind one NAT, bytes behind a hole.\n", [(1, "behind")]),
        ("code.py", '"""Tells it."""\ntells = 1\n', [(1, "Tells")]),
        ("code.py", "x = 1  # whom\n# one\n# nobody\n", [(1, "whom"), (3, "nobody")]),
        ("code.py", 'raise ValueError("told so")\nname = "told"\n', [(1, "told")]),
        ("code.py", '"""Whether it is None."""\n', []),
        ("code.c", "/* One.\n * Takes it. */\nint takes; // told\n", [(2, "Takes"), (3, "told")]),
        ("code.h", 'puts("there is none here");\n', [(1, "is none")]),
        ("Makefile", "all:\n\t@echo 'tells all'\n# doors\n", [(2, "tells"), (3, "doors")]),
        ("data.yaml", "key: told # told\n", [(1, "told")]),
        ("data.bin", "told", []),
    ],
)
def test_words(path: str, text: str, expected: list[tuple[int, str]]) -> None:
    assert sorted(faults(path, text)) == expected


def test_notebook_cells() -> None:
    cells = (
        '{"cells": [\n {"cell_type": "markdown", "source": ["Fine.\\n", "It tells."]},\n'
        ' {"cell_type": "code", "source": ["x = 1  # told"]}\n]}'
    )
    assert sorted(word for _, word in faults("book.ipynb", cells)) == ["tells", "told"]


def test_long_lines_of_markdown() -> None:
    long = "word " * 30
    text = f"{long}\n| {long} |\n```\n{long}\n```\n    {long}\n{'x' * 200}\n"
    assert [fault.line for fault in check_prose.faults_of("page.md", text)] == [1]


def test_exceptions_name_a_reason_and_an_existing_path() -> None:
    for allowed in check_prose.ALLOWED:
        assert allowed.reason
        assert (check_prose.ROOT / allowed.path).exists()


def test_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.md").write_text("It tells.\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check_prose, "ROOT", tmp_path)
        assert check_prose.main([str(tmp_path / "page.md")]) == 1
        assert "page.md:1: 'tells'" in capsys.readouterr().out
        (tmp_path / "page.md").write_text("It shows.\n")
        assert check_prose.main([str(tmp_path / "page.md")]) == 0


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("code.py", "made = 1\nrows = found_rows\n", [(1, "made")]),
        ("code.py", "def test_it_is_told(): ...\n", [(1, "test_it_is_told")]),
        ("code.py", "x = 'made'  # made\n", []),
        ("code.c", '/* made */ int told; // found\nchar *x = "made";\n', [(1, "told")]),
        ("code.h", "#define TOLD_MAX 3\n", [(1, "TOLD_MAX")]),
        ("page.md", "`made = 1`\n", []),
    ],
)
def test_identifiers(path: str, text: str, expected: list[tuple[int, str]]) -> None:
    identifiers = [
        (fault.line, fault.text.split("'")[1]) for fault in check_prose.vague_names(path, text)
    ]
    assert identifiers == expected
