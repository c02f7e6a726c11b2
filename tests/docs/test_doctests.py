"""The examples in docstrings print what they show."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import monerotraffic
from monerotraffic import metrics

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(monerotraffic.__path__, "monerotraffic.")
    if not module.name.endswith(("__main__", "_core"))
)


def test_modules_are_found() -> None:
    assert {"monerotraffic.epee", "monerotraffic.io.reading"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in examples are those of the repository."""
    monkeypatch.chdir(ROOT)
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_read_and_epee_have_examples() -> None:
    for name in ("monerotraffic.io.reading", "monerotraffic.epee"):
        finder = doctest.DocTestFinder()
        assert sum(len(test.examples) for test in finder.find(importlib.import_module(name))) > 2


def test_every_metric_has_an_example() -> None:
    functions = [getattr(metrics, name) for name in metrics.__all__]
    without = [
        function.__name__
        for function in functions
        if inspect.isfunction(function) and ">>>" not in (inspect.getdoc(function) or "")
    ]
    assert not without
