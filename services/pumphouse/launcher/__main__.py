"""The `pumphouse` command."""

import sys

from pumphouse.launcher.command_line import main

if __name__ == "__main__":
    sys.exit(main())
