"""The ``nivesh`` command in this process: an interpreter for each call costs seconds of imports."""

import contextlib
import io
import sys
from dataclasses import dataclass
from unittest import mock

from nivesh.cli import main


@dataclass(frozen=True)
class Finished:
    """What a command left, as ``subprocess.CompletedProcess`` names it."""

    returncode: int
    stdout: str
    stderr: str


def nivesh(*arguments: str) -> Finished:
    """Run a command as its entry point does."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", ["nivesh", *arguments]),
    ):
        try:
            main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else int(bool(stopped.code))
    return Finished(code, out.getvalue(), err.getvalue())
