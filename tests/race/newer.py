"""The command line of a newer release: one that has further migrations. Arguments: their directory, and the command."""

import sys
from pathlib import Path

from inventory import __main__
from inventory.postgres import migrate

if __name__ == "__main__":
    migrate.DIRECTORY = Path(sys.argv[1])
    sys.exit(__main__.run(sys.argv[2:]))
