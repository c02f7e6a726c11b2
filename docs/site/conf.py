"""Configuration of Sphinx. tools/site_pages.py stages the pages and starts it, without network."""

from __future__ import annotations

import re
from typing import Any

from monerotraffic import __version__

project = "monerotraffic"
author = "the monerotraffic authors"
copyright = author
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
root_doc = "index"
templates_path: list[str] = []

# Docstrings use single backquotes for code.
default_role = "code"
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_type_aliases = {
    name: name for name in ("Sources", "Hosts", "Host", "Progress", "Parameters", "Addresses")
}
python_maximum_signature_line_length = 80

# The notebooks are stored with their outputs; a test compares these with a new run.
nb_execution_mode = "off"
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "attrs_inline"]
suppress_warnings = [
    "misc.highlighting_failure",  # examples of shell output in blocks without a language
]
nitpicky = False

html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = f"monerotraffic {release}"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}


def setup(app: Any) -> None:
    app.connect("autodoc-process-signature", _plain_aliases)


def _plain_aliases(*event: Any) -> tuple[str | None, str | None]:
    """A union with an alias shows the alias, not Python's object for it."""
    *_, signature, result = event
    return (
        signature and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", signature),
        result,
    )
