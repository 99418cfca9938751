"""The reference rows of every model are those that its server would log."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from nivesh import models
from nivesh.registry import reference_rows


@pytest.fixture
def reference(tmp_path):
    """The reference rows of a model, through the file of its bundle."""

    def make(trained, test=None):
        rows = trained.parts.test if test is None else test
        path = reference_rows.write(trained.module, trained.model, rows, trained.parts.train, tmp_path)
        (tmp_path / "model").mkdir()
        path.rename(tmp_path / "model" / path.name)
        return reference_rows.read(tmp_path)

    return make


@pytest.mark.parametrize("key", models.keys())
def test_reference_rows_are_what_the_server_would_log(key, train, reference):
    trained = train(key)
    model = trained.module
    replay = model.monitoring.replay(trained.model, trained.parts.test, trained.parts.train, limit=40)
    assert 0 < len(replay.requests) == len(replay.answers) == len(replay.labels) <= 40
    valid = 0
    for request in replay.requests:
        try:
            model.Request(**{name: value for name, value in request.items() if name != "features"})
        except ValidationError:
            continue  # such as an empty merchant: allowed in files, refused in requests
        valid += 1
    assert valid > 0.9 * len(replay.requests)
    for answer in replay.answers:
        model.Answer.model_validate(answer)
    for label in replay.labels:
        assert label is None or TypeAdapter(model.Label).validate_python(label) is not None
    assert any(label is not None for label in replay.labels)

    read = reference(trained)
    assert list(read) == ["request", "features", "answer", "label"] and len(read) >= len(replay.requests)
    assert all(isinstance(request, dict) and "features" not in request for request in read["request"])
    for features in read["features"].dropna():
        assert not any(isinstance(value, list | dict) for value in features.values())
    assert "user_id" not in json.dumps(read[["request", "answer"]].to_numpy().tolist(), default=str)


def test_a_replayed_row_has_the_answer_of_predict_frame(train):
    """Of credit risk, whose requests are completed from columns."""
    trained = train("credit_risk")
    replay = trained.module.monitoring.replay(trained.model, trained.parts.test, None, limit=5000)
    frame = trained.module.predict_frame(trained.model, trained.parts.test)
    replayed = [answer["probability_of_default"] for answer in replay.answers]
    assert replayed == pytest.approx(frame["probability_of_default"].tolist(), abs=1e-4)
    assert replay.labels == frame["defaulted"].astype(bool).tolist()


def test_texts_are_masked(train, reference):
    trained = train("intent_classifier")
    test = trained.parts.test.head(2).assign(text=["call me at 9876543210", "send it to me@example.com"])
    kept = json.dumps(reference(trained, test).to_numpy().tolist())
    assert "9876543210" not in kept
    assert "me@example.com" not in kept
