"""The names that the users' guide imports from the package."""

import nivesh


def test_the_guides_names_are_there():
    for name in nivesh.__all__:
        assert getattr(nivesh, name) is not None


def test_nothing_heavy_is_imported_before_it_is_used():
    import subprocess
    import sys

    code = "import nivesh, sys; print(sorted({'torch', 'mlflow', 'kfp', 'spacy'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    import pytest

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        nivesh.nothing  # noqa: B018
