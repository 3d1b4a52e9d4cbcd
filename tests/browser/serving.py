"""The real server, in a process of its own on a free port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(folder: Path, *, patience: float = 60) -> Iterator[str]:
    """The address at which a folder's project is served.

    Args:
        folder: The project's.
        patience: Seconds after which a person is shown that a query runs.
    """
    command = [sys.executable, "-m", "steelyard.web", str(folder), "--port", "0", "--patience", str(patience)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert address is not None
        yield address[0]
    finally:
        process.terminate()
        process.communicate(timeout=30)
