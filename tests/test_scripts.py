"""Shell scripts: shellcheck finds nothing, and each stops at the first command that fails."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def scripts() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    files = [ROOT / name for name in listed if name]
    return [
        path
        for path in files
        if path.is_file() and path.read_bytes()[:30].startswith((b"#!/bin/sh", b"#!/usr/bin/env bash"))
    ]


@pytest.mark.parametrize("path", scripts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script(path):
    done = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), "--severity=warning", path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    commands = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert commands[0].startswith("set -e") or len(commands) == 1 or commands[0].startswith("cat <<")
