"""python -m monerotraffic."""

import sys

from monerotraffic.cli import main

if __name__ == "__main__":
    sys.exit(main())
