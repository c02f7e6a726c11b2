"""The notebooks run top to bottom on the bundled captures, and are stored with their outputs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

import monerotraffic as mt
from monerotraffic.rules import find_anomalies
from support.captures import HOST, conversation, put
from support.paths import ROOT

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_are_eight() -> None:
    assert [path.stem[0] for path in NOTEBOOKS] == list("12345678")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_captures_are_named_in_one_line(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    lines = [line for cell in cells for line in cell.source.splitlines() if "tests/data" in line]
    assert [line.split(" = ")[0] for line in lines] == ["CAPTURES"]


def numbers_of(outputs: list[Any]) -> list[str]:
    """The numbers in the text of outputs, in order. Versions of pandas differ in the spaces and in
    the names of types, and figures have no text.
    """
    texts = [
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs
    ]
    return [
        number
        for text in texts
        if not text.startswith("<Figure")
        for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", text)
    ]


def outputs_of(notebook: Any) -> list[Any]:
    """Runs the notebook in its folder; there is no error and no warning."""
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    ).execute()
    outputs = [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]
    assert not any(output.output_type == "error" for output in outputs)
    assert not [
        output.text
        for output in outputs
        if output.output_type == "stream" and output.name == "stderr"
    ]
    return outputs


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path) -> None:
    """It shows what it is stored with; `make notebooks` stores it again."""
    notebook = nbformat.read(path, 4)
    stored = [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]
    outputs = outputs_of(notebook)
    assert len(numbers_of(stored)) > 20
    assert numbers_of(outputs) == numbers_of(stored)
    shown = ("execute_result", "display_data", "stream")
    assert sum(output.output_type in shown for output in outputs) >= 6


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of one peer without any finding."""
    path = put(tmp_path_factory.mktemp("honest") / "a.pcap", conversation().packets)
    assert find_anomalies(mt.read(path, host=HOST)).empty
    return path


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_without_findings(path: Path, honest: Path) -> None:
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        cell.source = re.sub(r'"\.\./tests/data/[^"]*"', repr(str(honest)), cell.source)
    assert any(str(honest) in cell.source for cell in notebook.cells)
    outputs_of(notebook)
