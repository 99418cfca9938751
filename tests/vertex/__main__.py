"""Serve both fakes until interrupted: ``python -m tests.vertex --port 9100``. Prints the settings that point to them."""

import argparse
import signal

from tests.vertex import google_here

parser = argparse.ArgumentParser(prog="python -m tests.vertex")
parser.add_argument("--port", type=int, default=0)
with google_here(parser.parse_args().port) as (_, settings):
    print(*(f"export {name}={value}" for name, value in settings.items()), sep="\n", flush=True)
    signal.pause()
