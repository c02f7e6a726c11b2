"""The command line: one module per command, and modules that they share.

Used by `python -m monerotraffic` and the script `monerotraffic` only.
"""

from monerotraffic.cli.entry import main

__all__ = ["main"]
