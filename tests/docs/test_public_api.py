"""Every public name has a docstring with an example, and is on the page of the Python API."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import monerotraffic as mt
from support.paths import ROOT

MODULES = (
    "monerotraffic",
    "monerotraffic.banlist",
    "monerotraffic.compat",
    "monerotraffic.epee",
    "monerotraffic.errors",
    "monerotraffic.metrics",
    "monerotraffic.report",
    "monerotraffic.report.plots",
    "monerotraffic.rules",
    "monerotraffic.rules.bans",
    "monerotraffic.store",
)
"""Modules whose `__all__` is public."""


class Documented(NamedTuple):
    """A public name and its docstring."""

    name: str
    text: str


def text_of(module: ModuleType, name: str) -> str:
    """The docstring of a class or function, or the string after the assignment of a constant."""
    value = getattr(module, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        return inspect.cleandoc(value.__doc__ or "")
    return next(assigned(module, name), "")


def assigned(module: ModuleType, name: str) -> Iterator[str]:
    """The string after the assignment of a constant, in this module or the one that it imports the
    constant from.
    """
    for statement, after in pairs(ast.parse(inspect.getsource(module)).body):
        if isinstance(statement, ast.ImportFrom) and name in [one.name for one in statement.names]:
            yield from assigned(importlib.import_module(statement.module or ""), name)
        targets = (
            statement.targets
            if isinstance(statement, ast.Assign)
            else [statement.target]
            if isinstance(statement, ast.AnnAssign)
            else []
        )
        named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
        if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            yield inspect.cleandoc(str(after.value.value))


def pairs(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    """Each statement with the next."""
    return zip(body, [*body[1:], None], strict=True)


def members(kind: type) -> Iterator[Documented]:
    """The public methods and properties that a class defines."""
    for name, value in vars(kind).items():
        if name.startswith("_"):
            continue
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if inspect.isfunction(value) or isinstance(value, property | cached_property):
            yield Documented(name, inspect.getdoc(value) or "")


def public(modules: tuple[str, ...] = MODULES) -> Iterator[Documented]:
    """Every public name of these modules, once each, and the members of its classes."""
    seen: set[Any] = set()
    for module in map(importlib.import_module, modules):
        for name in module.__all__:
            value = getattr(module, name)
            named = inspect.isclass(value) or inspect.isroutine(value)
            if inspect.ismodule(value) or (named and value in seen):
                continue
            full = f"{module.__name__}.{name}"
            yield Documented(full, text_of(module, name))
            if named:
                seen.add(value)
            if inspect.isclass(value):
                yield from (Documented(f"{full}.{one.name}", one.text) for one in members(value))


PUBLIC = list(public())


def has_example(documented: Documented) -> bool:
    """Whether the docstring has an example that runs, with an output or an effect."""
    examples = doctest.DocTestParser().get_examples(documented.text)
    return any(doctest.SKIP not in example.options for example in examples)


def test_names_are_found() -> None:
    names = {documented.name for documented in PUBLIC}
    assert {
        "monerotraffic.read",
        "monerotraffic.TABLES",
        "monerotraffic.Traffic.peers",
        "monerotraffic.Dataset.select",
        "monerotraffic.metrics.View.received",
        "monerotraffic.metrics.list_diversity",
        "monerotraffic.report.plots.slots",
        "monerotraffic.rules.Rule.why",
        "monerotraffic.banlist.Entry.prefix",
        "monerotraffic.compat.packets",
        "monerotraffic.epee.UInt64",
        "monerotraffic.errors.VantageWarning",
        "monerotraffic.store.DatasetTable.to_pandas",
    } <= names


def test_every_public_name_has_an_example() -> None:
    assert not [documented.name for documented in PUBLIC if not has_example(documented)]


def test_a_name_without_an_example_is_noticed() -> None:
    assert not has_example(Documented("name", "Text.\n\n>>> read()  # doctest: +SKIP"))
    assert not has_example(Documented("name", "Text."))
    assert has_example(Documented("name", "Text.\n\n>>> 1 + 1\n2"))


@pytest.mark.parametrize(
    "documented",
    [
        documented
        for documented in PUBLIC
        if documented.name.rpartition(".")[2].isupper() or documented.name.count(".") == 1
    ],
    ids=lambda documented: documented.name,
)
def test_examples_that_no_module_test_runs(documented: Documented, example_folder: Path) -> None:
    """doctest finds neither constants nor what the C core defines."""
    test = doctest.DocTestParser().get_doctest(documented.text, {}, documented.name, None, 0)
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_the_page_of_the_api_shows_every_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name of the package, and all of each public module."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    api = importlib.import_module("site_pages").API
    shown: dict[str, set[str]] = {}
    for module, names in api.values():
        shown.setdefault(module, set()).update(names)
    own_pages = {"monerotraffic.metrics", "monerotraffic.report.plots"}
    flat = set().union(*shown.values())
    assert not {name for name in mt.__all__ if not inspect.ismodule(getattr(mt, name))} - flat
    for module in set(MODULES) - own_pages - {"monerotraffic"}:
        assert set(sys.modules[module].__all__) <= flat, module
