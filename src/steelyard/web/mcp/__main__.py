"""`python -m steelyard.web.mcp FOLDER` answers an agent on standard input; `steelyard mcp` becomes this process."""

from __future__ import annotations

import argparse
import os
import sys

from steelyard.errors import SteelyardError
from steelyard.project import open_project
from steelyard.web.live import LiveProject
from steelyard.web.mcp.agent import Agent
from steelyard.web.mcp.key import rights_by_key
from steelyard.web.mcp.server import mcp_server


def main() -> int:
    """Answers until its input ends; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m steelyard.web.mcp")
    parser.add_argument("folder")
    parser.add_argument("--target", default=None)
    given = parser.parse_args()
    try:
        with open_project(given.folder, target=given.target) as project:
            live = LiveProject(project)
            try:
                mcp_server(Agent(live), *rights_by_key(project, os.environ)).run()
            finally:
                live.close()
    except SteelyardError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
