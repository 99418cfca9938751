"""README.md says what is true: its figures, its folders, its commands."""

import json

from benchmarks import release_report
from nivesh.cli import application
from nivesh.settings import PROJECT

README = (PROJECT / "README.md").read_text()


def test_the_figures_are_those_of_the_release_report():
    report = json.loads(release_report.REPORT.read_text())
    assert release_report.BLOCK.search(README), "the table's markers are gone"
    assert release_report.render(report) in README, "python -m benchmarks.release_report writes them"


def test_every_package_is_in_the_tree():
    packages = {path.parent.name for path in (PROJECT / "nivesh").glob("*/__init__.py")}
    missing = {name for name in packages if f"{name}/" not in README}
    assert not missing


def test_every_command_is_named():
    names = {command.name for command in application().registered_commands}
    names |= {group.name for group in application().registered_groups}
    assert names
    missing = {name for name in names if f"nivesh {name}" not in README}
    assert not missing
