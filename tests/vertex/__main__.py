"""Both services until they are stopped: ``python -m tests.vertex --port 9100``.

Prints the settings under which the platform finds them.
"""

import argparse
import signal

from tests.vertex.server import Vertex
from tests.vertex.storage import Storage

parser = argparse.ArgumentParser(prog="python -m tests.vertex")
parser.add_argument("--port", type=int, default=0)
storage = Storage("tuning")
vertex = Vertex(storage, parser.parse_args().port)
print(f"NIVESH_GOOGLE_PROJECT=local NIVESH_GOOGLE_BUCKET=gs://tuning NIVESH_GOOGLE_ENDPOINT={vertex.url}")
print(f"STORAGE_EMULATOR_HOST={storage.url}", flush=True)
signal.pause()
