"""The command line: one module a command, and what they share.

Nothing imports it but `python -m monerotraffic` and the script of that name.
"""

from monerotraffic.cli.entry import main

__all__ = ["main"]
