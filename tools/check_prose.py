"""Checks the prose and the names of the project: the words that CONTRIBUTING.md replaces, and
long lines.

python tools/check_prose.py              checks every file under version control
python tools/check_prose.py FILE ...     checks these files

Prose is Markdown text, docstrings, comments and strings with a space. Of code, the identifiers are
checked, also in the tests.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 100

_NETWORK_DEVICES = (
    r"(?:NATs?|CGNAT|VPN|prox(?:y|ies)|routers?|firewalls?|gateways?|balancers?|exits?|forwarders?"
    r"|Tor|I2P"
    r"|address(?:es)?)"
)

# Word, as a regular expression → what to write instead.
WORDS = {
    r"tells?|telling|told": "report, show, return, print, say",
    r"takes": "accepts, reads, uses",
    rf"behind(?!\s+(?:[\w-]+\s+){{0,3}}{_NETWORK_DEVICES}\b)": "after",
    r"whom|whoever|whomever": "name the subject: which peers, the reader",
    r"nobody": "no one, no peer, no node",
    r"likewise": "also, the same",
    r"(?:is|are|was|were)\s+none": "is not, is missing, no ... is",
    r"of\s+these(?=\W*$|[,.;:)]|\s+(?:are|is|was|were|at|in|on|by|with|that|which|may|can)\b)": (
        "name the things"
    ),
    r"rooms|doors?|houses?": "layers, modules, entry points, architecture",
    r"pictures?": "figures",
    r"mend(?:s|ed|ing)?": "fix",
    r"anew": "again",
    r"lest|thereof|therein|wherein|whence|hence|thus": "so, to avoid, in it",
    r"beside": "next to, in addition to, compared with",
}

# A variable is named after what it holds: these identifiers say only where its value comes from.
VAGUE_NAMES = frozenset(
    {"made", "found", "told", "said", "behind", "beside", "took", "takes", "tell", "tells"}
)
# Words that no identifier contains.
WORDS_OF_NAMES = frozenset(
    {"told", "tell", "tells", "telling", "whom", "nobody", "likewise", "anew", "beside", "rooms"}
)


@dataclass(frozen=True)
class Allowed:
    """A use of a listed word that stays: the file or folder, a text of its line, and the reason."""

    path: str
    text: str
    reason: str


ALLOWED = (
    Allowed("CONTRIBUTING.md", "| ", "its table lists the words"),
    Allowed("docs/rules/", "**forgeable by**: nobody", "a value of `forgeable_by`"),
    Allowed("tools/check_prose.py", "nobody", "it names the exceptions"),
    Allowed("monerotraffic/rules/rule.py", "nobody, another peer", "a value of `forgeable_by`"),
)

# Prefixes of paths whose prose is not checked.
_UNCHECKED = ("tests/", "fuzz/seeds/", "fuzz/regressions/")


@dataclass(frozen=True)
class Passage:
    """Consecutive prose: its first line in the file, and its text."""

    line: int
    text: str


@dataclass(frozen=True)
class Fault:
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


# ---------------------------------------------------------------- extraction of prose


def blanked(text: str, pattern: str) -> str:
    """The text with every match replaced by spaces; line breaks stay."""
    return re.sub(pattern, lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=re.M | re.S)


def markdown(text: str) -> Iterator[Passage]:
    without_code = blanked(text, r"^[ >]*```.*?^[ >]*```|(`+)[^`]+?\1|\]\([^)]*\)|<!--.*?-->")
    yield Passage(1, without_code)


def hash_comments(text: str) -> Iterator[Passage]:
    """Comments after #, consecutive lines joined; for Python, Makefile, YAML, TOML, shell."""
    lines: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        match = re.match(r"(?:[^\"'#]|\"[^\"]*\"|'[^']*')*#(.*)", line)
        if match:
            lines.append(match[1])
        elif lines:
            yield Passage(number - len(lines), "\n".join(lines))
            lines = []


def python_comments(text: str) -> Iterator[Passage]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [
        (token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT
    ]
    lines: list[str] = []
    previous = 0
    for number, comment in comments:
        if lines and number != previous + 1:
            yield Passage(previous - len(lines) + 1, "\n".join(lines))
            lines = []
        lines.append(comment.lstrip("# "))
        previous = number
    if lines:
        yield Passage(previous - len(lines) + 1, "\n".join(lines))


def python(text: str) -> Iterator[Passage]:
    yield from python_comments(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield Passage(node.lineno, blanked(node.value, r"(`+)[^`]+?\1"))


def c_source(text: str) -> Iterator[Passage]:
    for match in re.finditer(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', text, re.S):
        line = text.count("\n", 0, match.start()) + 1
        words = re.sub(r"^\s*/?\*+/?", "", match[0], flags=re.M)
        if " " in words:
            yield Passage(line, blanked(words, r"(`+)[^`]+?\1"))


def makefile(text: str) -> Iterator[Passage]:
    yield from hash_comments(text)
    for number, line in enumerate(text.splitlines(), start=1):
        for quoted in re.findall(r"echo '([^']*)'|echo \"([^\"]*)\"", line):
            yield Passage(number, " ".join(quoted))


def notebook(text: str) -> Iterator[Passage]:
    """Cells; the line is that of the notebook's file, found by the text of the cell."""
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        first = json.dumps(source.split("\n")[0], ensure_ascii=False)[1:-1]
        line = text.count("\n", 0, max(text.find(first), 0)) + 1
        for passage in (markdown if cell["cell_type"] == "markdown" else python)(source):
            yield Passage(line + passage.line - 1, passage.text)


def whole(text: str) -> Iterator[Passage]:
    yield Passage(1, text)


EXTRACTORS: dict[str, Callable[[str], Iterator[Passage]]] = {
    ".md": markdown,
    ".py": python,
    ".pyi": python,
    ".c": c_source,
    ".h": c_source,
    ".ipynb": notebook,
    ".html": whole,
    ".yaml": hash_comments,
    ".yml": hash_comments,
    ".toml": hash_comments,
    ".cff": whole,
    "Makefile": makefile,
}


# ---------------------------------------------------------------- checks


def faults_of(path: str, text: str) -> Iterator[Fault]:
    """The words and long lines of one file."""
    extract = EXTRACTORS.get(Path(path).suffix or Path(path).name)
    if extract is None:
        return
    pattern = re.compile("|".join(rf"(\b(?:{word})\b)" for word in WORDS), re.I)
    for passage in extract(text):
        for match in pattern.finditer(passage.text):
            if match[0].endswith("None"):  # Python's value
                continue
            line = passage.text.count("\n", 0, match.start())
            context = passage.text.split("\n")[line].strip()
            instead = list(WORDS.values())[(match.lastindex or 1) - 1]
            word = re.sub(r"\s+", " ", match[0])
            if not is_allowed(path, context):
                yield Fault(path, passage.line + line, f"'{word}' ({instead}): {context[:80]}")
    if path.endswith(".md"):
        yield from long_lines(path, text)


def python_names(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string


def c_names(text: str) -> Iterator[tuple[int, str]]:
    code = blanked(text, r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"')
    for number, line in enumerate(code.splitlines(), start=1):
        for name in re.findall(r"[A-Za-z_]\w*", line):
            yield number, name


NAME_EXTRACTORS: dict[str, Callable[[str], Iterator[tuple[int, str]]]] = {
    ".py": python_names,
    ".pyi": python_names,
    ".c": c_names,
    ".h": c_names,
}


def vague_names(path: str, text: str) -> Iterator[Fault]:
    """Identifiers that do not say what they name."""
    extract = NAME_EXTRACTORS.get(Path(path).suffix)
    for line, name in sorted(set(extract(text))) if extract else ():
        lower = name.lower()
        if lower in VAGUE_NAMES or WORDS_OF_NAMES & set(lower.split("_")):
            yield Fault(path, line, f"identifier '{name}' (a noun: what it holds, what it does)")


def long_lines(path: str, text: str) -> Iterator[Fault]:
    """Markdown lines over the width: tables, code and lines of one word (a link) are exempt."""
    prose = blanked(text, r"^[ >]*```.*?^[ >]*```")
    for number, line in enumerate(prose.splitlines(), start=1):
        if len(line) > WIDTH and not line.startswith(("|", "    ")) and " " in line.strip():
            yield Fault(path, number, f"{len(line)} columns, {WIDTH} at most")


_used: set[Allowed] = set()


def is_allowed(path: str, context: str) -> bool:
    for allowed in ALLOWED:
        if path.startswith(allowed.path) and allowed.text in context:
            _used.add(allowed)
            return True
    return False


def tracked() -> list[str]:
    """Files under version control that are checked."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    return [path for path in listed if path and (ROOT / path).is_file()]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Checks the prose of the project.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="default: all tracked files")
    options = parser.parse_args(arguments)
    paths = [Path(file).resolve().relative_to(ROOT).as_posix() for file in options.files]
    faults: list[Fault] = []
    for path in paths or tracked():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        faults += vague_names(path, text)
        if not path.startswith(_UNCHECKED):
            faults += faults_of(path, text)
    if not paths:
        faults += [
            Fault("tools/check_prose.py", 0, f"unused exception: {allowed.path} {allowed.text!r}")
            for allowed in ALLOWED
            if allowed not in _used
        ]
    for fault in sorted(faults, key=lambda fault: (fault.path, fault.line)):
        print(fault)
    if faults:
        print(f"{len(faults)} faults; CONTRIBUTING.md describes the style", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
