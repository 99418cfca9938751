"""A served model: an immutable folder with a manifest, checked before it is loaded.

bundles/<key>/<version>/manifest.json   what it is, how good it is, a sha256 of every file
bundles/<key>/<version>/model/…         the files of the model's own ``save``
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from nivesh.errors import BundleError

FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself; ``metrics`` are those of the held-out rows."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]*$")]
    created: str
    metrics: dict[str, Any]
    missed: list[str]
    request: dict[str, Any]
    provenance: dict[str, Any]
    labels: list[str] = field(default_factory=list)  # that the model can answer; empty where answers are no labels
    files: dict[str, Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]] = field(default_factory=dict)
    format: int = FORMAT


_SCHEMA = TypeAdapter(Manifest)
_NAME = re.compile(r"[\w./ +-]+")  # no control characters, backslashes or drive letters


def pack(model: Path, manifest: Manifest, bundles: Path) -> Path:
    """Copy a saved model into ``bundles/<key>/<version>``, all of it or nothing; returns that folder.

    Raises:
        BundleError: this version is there already with other content.
    """
    target = bundles / manifest.key / manifest.version
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=target.parent, prefix=".staged-"))
    try:
        shutil.copytree(model, staged / "model")
        written = asdict(manifest) | {"files": _checksums(staged)}
        (staged / MANIFEST).write_text(json.dumps(written, indent=2, ensure_ascii=False), encoding="utf-8")
        staged.chmod(0o755)
        if target.exists():
            if verify(target).files != written["files"]:
                raise BundleError(f"{target}: this version exists with other content; a bundle never changes")
        else:
            os.replace(staged, target)
        return target
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def parse_manifest(content: bytes, source: str) -> Manifest:
    """A manifest from its file, checked before anything that it names is read or written.

    Args:
        content: JSON.
        source: where it comes from, for the message.

    Raises:
        BundleError: it is no manifest of this format, or names a file outside of ``model/``.
    """
    try:
        parsed = json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BundleError(f"{source}: cannot be read ({error})") from None
    if not isinstance(parsed, dict) or parsed.get("format") != FORMAT:
        found = parsed.get("format") if isinstance(parsed, dict) else None
        raise BundleError(f"{source}: format {found!r} cannot be served, only {FORMAT}; package the model again")
    try:
        manifest = _SCHEMA.validate_python(parsed)
    except ValidationError as error:
        first = error.errors()[0]
        field_name = ".".join(map(str, first["loc"]))
        problem = "it is missing" if first["type"] == "missing" else first["msg"]
        raise BundleError(f"{source}: {field_name}: {problem}; package the model again") from None
    for name in manifest.files:
        # A file of this name is written where the bundle is unpacked.
        parts = name.split("/")
        if (
            parts[0] != "model"
            or len(parts) < 2
            or not set(parts).isdisjoint({"", ".", ".."})
            or not _NAME.fullmatch(name)
        ):
            raise BundleError(f"{source}: {name!r} is no file below model/; do not use this bundle")
    return manifest


def verify(folder: Path) -> Manifest:
    """The manifest of a bundle whose every file is there and unchanged.

    Raises:
        BundleError: names the file that is missing, added or changed, or the format that cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{folder}: there is no {MANIFEST}; this is not a bundle")
    manifest = parse_manifest(path.read_bytes(), str(path))
    found = _checksums(folder)
    for name in sorted(manifest.files.keys() | found.keys()):
        if name not in found:
            raise BundleError(f"{folder}: {name} is missing")
        if name not in manifest.files:
            raise BundleError(f"{folder}: {name} is not in the manifest")
        if found[name] != manifest.files[name]:
            raise BundleError(f"{folder}: {name} was changed after packaging (its sha256 differs)")
    return manifest


def _checksums(folder: Path) -> dict[str, str]:
    """sha256 of every file but the manifest, by its path inside the folder."""
    sums = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / MANIFEST:
            with path.open("rb") as file:
                sums[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums
