"""Loads one source in a process of its own, to be killed: `load_worker.py FOLDER NAME DEFINITION-AS-JSON`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from steelyard.pipeline import load, source_definition
from steelyard.warehouse import Store

if __name__ == "__main__":
    folder, name, said = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    definition = source_definition(name, said)
    store = Store.open(folder / "store")
    print("ready", flush=True)
    report = load(definition, store, project_folder=folder)
    print(json.dumps({"rows": report.rows, "rejected": report.rejected}), flush=True)
