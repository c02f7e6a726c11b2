"""Builds the documentation as a site in build/site/html, without network.

Stages README.md, docs/, the notebooks and the pages of the project in build/site/source, with the
same relative paths as in the repository, so that the same links work in both. Adds the pages that
come from the package itself: the Python API, the command line, one page a rule and one a metric.

python tools/site_pages.py [FOLDER]    warnings are errors
"""

from __future__ import annotations

import argparse
import inspect
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import rules_doc

import monerotraffic as mt
from monerotraffic import compat, errors, report
from monerotraffic.cli.arguments import EXIT_CODES
from monerotraffic.cli.entry import command_line
from monerotraffic.rules import RULES, bans

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = "https://github.com/monerotraffic/monerotraffic/blob/main/"
PAGES = ("*.md", "docs/**/*.md", "notebooks/*.ipynb", "testbed/README.md")
LINK = re.compile(r"(?<!!)(\[[^\]]*\]\()([^)\s#]+)(#[^)\s]*)?\)")

NOTE = re.compile(r"^\*(?:Made|Generated) by `tools/[^*]*\*\n\n", re.MULTILINE)
"""The note of a generated page for those who would edit it."""


def sources() -> list[Path]:
    """The pages of the repository that are in the site, relative to it."""
    paths = {path.relative_to(ROOT) for pattern in PAGES for path in ROOT.glob(pattern)}
    return sorted(path for path in paths if path.parts[:2] != ("docs", "site"))


def stage(folder: Path) -> None:
    """Writes all sources of the site into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    staged = sources()
    for path in staged:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / path).read_text(encoding="utf-8")
        if path.suffix == ".md":
            text = NOTE.sub("", text)
            text = with_repository_links(text, path, set(staged))
        target.write_text(text, encoding="utf-8")
    for page in ROOT.glob("docs/site/*.md"):  # the first page, and one a section
        shutil.copy(page, folder)
    for name, text in generated_pages().items():
        target = folder / "docs" / "reference" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    add_toctrees(folder)


def with_repository_links(text: str, page: Path, staged: set[Path]) -> str:
    """Links to files that are not part of the site lead to the repository."""

    def replaced(match: re.Match[str]) -> str:
        before, target, anchor = match[1], match[2], match[3] or ""
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = (ROOT / page.parent / target).resolve().relative_to(ROOT)
        return match[0] if path in staged else f"{before}{REPOSITORY}{path}{anchor})"

    return LINK.sub(replaced, text)


def generated_pages() -> dict[str, str]:
    """Pages of docs/reference by file name."""
    return {
        "api.md": api_page(),
        "cli.md": cli_page(),
        **{f"rules/{rule.name}.md": rule_page(rule.name) for rule in RULES.values()},
        **{f"metrics/{name}.md": function_page("metrics", name) for name in functions(mt.metrics)},
        **{f"plots/{name}.md": function_page("report.plots", name) for name in functions(mt.plots)},
    }


def rule_page(name: str) -> str:
    lines = "\n".join(rules_doc.rule_lines(RULES[name]))
    moved = lines.replace("](../", "](../../").replace("## ", "# ", 1)
    family = RULES[name].family
    return f"{moved}\nAll rules of this family: [{family}](../../rules/{family}.md).\n"


def functions(module: ModuleType) -> list[str]:
    """Names of the public functions of a module."""
    return [name for name in module.__all__ if inspect.isfunction(getattr(module, name))]


def directive(kind: str, target: str, *options: str) -> str:
    """Documents an object from its docstring."""
    body = "\n".join([f".. {kind}:: {target}", *(f"   :{option}:" for option in options)])
    return f"```{{eval-rst}}\n{body}\n```\n"


def function_page(module: str, name: str) -> str:
    return f"# {name}\n\n" + directive("autofunction", f"monerotraffic.{module}.{name}")


def toctree(*entries: str, caption: str = "", glob: bool = False) -> str:
    options = [":hidden:", *([f":caption: {caption}"] if caption else []), *([":glob:"] * glob)]
    return "\n".join(["```{toctree}", *options, "", *entries, "```", ""])


API = {
    "Reading captures": (
        "monerotraffic",
        ("read", "scan", "concat", "limits", "DEFAULT_PORTS", "TABLES"),
    ),
    "Traffic": ("monerotraffic", ("Traffic",)),
    "Traffic as seen from the vantage node": ("monerotraffic.tables.view", ("View",)),
    "Data sets": ("monerotraffic.store", mt.store.__all__),
    "Anomalies": ("monerotraffic.rules", mt.rules.__all__),
    "Ban lists from findings": ("monerotraffic.rules.bans", bans.__all__),
    "Ban lists": ("monerotraffic.banlist", mt.banlist.__all__),
    "Epee payloads": ("monerotraffic.epee", mt.epee.__all__),
    "Report": ("monerotraffic.report", report.__all__),
    "The tshark pipeline": ("monerotraffic.compat", compat.__all__),
    "Errors": ("monerotraffic.errors", errors.__all__),
    "Versions": ("monerotraffic", ("__version__", "libpcap_version")),
}
"""Sections of the page of the Python API."""


def api_page() -> str:
    """The Python API: one section a module; metrics and figures have pages of their own."""
    parts = ["# Python API\n", "Import the package with `import monerotraffic as mt`.\n"]
    for title, (module, names) in API.items():
        parts.append(f"## {title}\n")
        parts += [documented(module, name) for name in names]
    parts.append("## Metrics and figures\n")
    parts += [
        "- `mt.metrics`: [all metrics](../metrics.md)",
        "- `mt.plots`: functions that draw on axes of matplotlib:",
        "",
    ]
    parts += [f"  - [{name}](plots/{name}.md)" for name in functions(mt.plots)]
    return "\n".join([*parts, "", toctree("plots/*", glob=True)])


def documented(module: str, name: str) -> str:
    owner = sys.modules[module]
    value = getattr(owner, name)
    if inspect.isclass(value):
        return directive("autoclass", f"{module}.{name}", "members", "undoc-members")
    if callable(value):
        return directive("autofunction", f"{module}.{name}")
    return directive("autodata", f"{definer(owner, name)}.{name}", "no-value")


def definer(module: ModuleType, name: str) -> str:
    """Name of the module that assigns a constant: a package may import it from there."""
    prefix = module.__name__
    for candidate in sorted(key for key in sys.modules if key.startswith(prefix)):
        file = Path(sys.modules[candidate].__file__ or "")
        source = file.read_text(encoding="utf-8") if file.suffix == ".py" else ""
        if re.search(rf"^{name}\b[^\n]*=(?!=)", source, re.MULTILINE):
            return candidate
    raise LookupError(f"no module of {prefix} assigns {name}")


def cli_page() -> str:
    """The help of each command; the exit codes of all are on a page of their own."""
    root = command_line()
    links = "[Overview](../command_line.md), [exit codes](../command_line.md#exit-codes)."
    lines = ["# Commands", "", links, "", "```text", root.format_help().rstrip(), "```", ""]
    for name, command in commands(root).items():
        lines += [
            f"## monerotraffic {name}",
            "",
            "```text",
            command.format_help().replace(EXIT_CODES, "").rstrip(),
            "```",
            "",
        ]
    return "\n".join(lines)


def commands(root: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    (choices,) = (
        action.choices for action in root._actions if isinstance(action, argparse._SubParsersAction)
    )
    return dict(choices)


def add_toctrees(folder: Path) -> None:
    """Hidden tables of contents: the pages of the families, rules and metrics."""
    for page, entries in {
        "docs/metrics.md": ("metrics/*", "reference/metrics/*"),
        "docs/rules.md": ("rules/*", "reference/rules/*"),
    }.items():
        path = folder / page
        text = path.read_text(encoding="utf-8")
        path.write_text(f"{text}\n{toctree(*entries, glob=True)}", encoding="utf-8")


def build(folder: Path) -> int:
    """Runs Sphinx; returns its exit status."""
    from sphinx.cmd.build import main

    stage(folder / "source")
    options = ["-W", "--keep-going", "-q", "-E", "-c", str(ROOT / "docs" / "site"), "-b", "html"]
    return int(main([*options, str(folder / "source"), str(folder / "html")]))


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"))
