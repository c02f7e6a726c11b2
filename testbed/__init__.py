"""A testbed: monerods and emulated peers with labelled behaviour in a network of their own,
captured at one of the monerods. README.md describes how to run it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # where `support` is
