"""`python -m pytest_cwm` is the command `cwm`."""

from __future__ import annotations

import sys

from pytest_cwm.cli import main

if __name__ == "__main__":
    sys.exit(main())
