"""`python -m chaos`: see `--help`."""

from __future__ import annotations

import sys

from chaos.options import parse
from chaos.run import planned, run


def main() -> int:
    """Run, or print what would be done."""
    options = parse()
    if options.plan_only:
        sys.stdout.write(f"seed {options.seed}\n")
        for fault in planned(options):
            sys.stdout.write(f"{fault.at:7.1f} s  {fault.name} ({fault.who}) {fault.seconds} s\n")
        return 0
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
