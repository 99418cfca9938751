import os
import shutil
import subprocess
import sys

import pytest

from nivesh.errors import SettingsError
from nivesh.registry import experiments, model_registry
from tests.registry.test_model_registry import version

READ = "from nivesh.registry import model_registry; print(len(model_registry.versions('toy')))"


def read(home) -> subprocess.Popen:
    environment = os.environ | {"NIVESH_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-c", READ], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_of_several_processes_in_a_new_home_one_creates_the_tables_and_the_others_wait(home):
    processes = [read(home) for _ in range(4)]
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, output.strip()) == (0, "0"), errors
    assert not list(home.glob(".mlflow-*.db"))


@pytest.mark.parametrize("name", ["what?", "a#b", "50%25", "[x]", "two words"])
def test_a_home_with_special_characters_holds_its_own_database(tmp_path, monkeypatch, name):
    home = tmp_path / name
    monkeypatch.setenv("NIVESH_HOME", str(home))
    version()
    assert (home / "mlflow.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert model_registry.get_latest_version("toy") == "1.0.0"


def test_artifacts_are_found_after_the_home_was_moved(home, tmp_path, monkeypatch):
    run_id = experiments.client().create_run(experiments.create_experiment("toy")).info.run_id
    experiments.client().log_text(run_id, "AUC 0.9", "report/card.md")
    model_registry.register_model("toy", f"runs:/{run_id}/model")
    moved = tmp_path / "elsewhere" / "home"
    shutil.copytree(home, moved)
    shutil.rmtree(home)
    monkeypatch.setenv("NIVESH_HOME", str(moved))
    (copied,) = experiments.client().list_artifacts(run_id, "report")
    assert copied.path == "report/card.md"
    assert model_registry.versions("toy")[0].source.startswith(moved.as_uri())
    assert not home.exists(), "nothing is written to the old place"


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_a_home_that_is_no_folder_is_named(tmp_path, monkeypatch, kind):
    home = tmp_path / "home"
    if kind == "file":
        home.write_text("")
        monkeypatch.setenv("NIVESH_HOME", str(home))
    else:
        home.symlink_to(tmp_path / "file" / "nowhere")
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("NIVESH_HOME", str(home))
    with pytest.raises(SettingsError, match="NIVESH_HOME=.* cannot be used as a folder"):
        experiments.client()
