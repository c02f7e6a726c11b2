"""The examples in docstrings print what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import monerotraffic

pytestmark = pytest.mark.usefixtures("example_folder")

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(monerotraffic.__path__, "monerotraffic.")
    if not module.name.endswith(("__main__", "_core"))
)


def test_modules_are_found() -> None:
    assert {"monerotraffic.epee", "monerotraffic.io.reading"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
    plt.close("all")


def test_a_wrong_output_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "wrong_example.py").write_text('""">>> 1 + 1\n3\n"""\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert doctest.testmod(importlib.import_module("wrong_example"), verbose=False).failed == 1
