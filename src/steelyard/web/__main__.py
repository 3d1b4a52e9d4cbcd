"""`python -m steelyard.web FOLDER` serves a project's pages; `steelyard serve` becomes this process."""

from __future__ import annotations

import argparse
import sys

from steelyard.errors import SteelyardError
from steelyard.project import open_project
from steelyard.web.serving import serve
from steelyard.web.site import PATIENCE


def main() -> int:
    """Serves until it is told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m steelyard.web")
    parser.add_argument("folder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--target", default=None)
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds until a page says that it works")
    parser.add_argument("--anyone", action="store_true", help="let everybody who reaches the address read")
    given = parser.parse_args()
    try:
        with open_project(given.folder, target=given.target) as project:
            serve(project, host=given.host, port=given.port, anyone=given.anyone, patience=given.patience, says=_say)
    except SteelyardError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
