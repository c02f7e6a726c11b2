"""Executes the notebooks and stores them with their outputs.

python tools/notebooks.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"


def executed(path: Path) -> Any:
    """The notebook after a run in its folder, without times and other traces of the run."""
    notebook = nbformat.read(path, 4)
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    ).execute()
    for cell in notebook.cells:
        cell.metadata = {}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def main() -> int:
    for path in sorted(FOLDER.glob("*.ipynb")):
        print(path.name)
        nbformat.write(executed(path), path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
