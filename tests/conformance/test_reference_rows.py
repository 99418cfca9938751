"""The reference rows of every model are those that its server would log."""

import json

import pytest
from pydantic import ValidationError

from nivesh import models
from nivesh.models.served import Served
from nivesh.registry import reference_rows


@pytest.mark.parametrize("key", models.keys())
def test_reference_rows_are_what_the_server_would_log(key, train, tmp_path):
    trained = train(key)
    rows = trained.module.as_served(trained.model, trained.parts.test, trained.parts.train, limit=40)
    assert 0 < len(rows) <= 40
    assert all(isinstance(row, Served) for row in rows)
    valid = 0
    for row in rows:
        try:
            trained.module.Request(**row.request)
        except ValidationError:
            continue  # such as an empty merchant: allowed in files, refused in requests
        valid += 1
    assert valid > 0.9 * len(rows)
    if key != "gemini_advisor":  # its answers are not asked for: each would be paid
        complete = [row.answer | {"reasons": []} if key == "anomaly_detector" else row.answer for row in rows]
        for answer in complete:
            trained.module.Answer.model_validate(answer)

    path = reference_rows.write(trained.module, trained.model, trained.parts.test, trained.parts.train, tmp_path)
    (tmp_path / "model").mkdir()
    path.rename(tmp_path / "model" / path.name)
    read = reference_rows.read(tmp_path)
    assert len(read) > 0
    assert all(isinstance(request, dict) for request in read["request"])
    assert "user_id" not in json.dumps(read["request"].tolist() + read["answer"].tolist(), default=str)


def test_a_row_as_served_has_the_answer_of_predict(train):
    """Of credit risk, whose requests are completed from columns."""
    trained = train("credit_risk")
    rows = trained.module.as_served(trained.model, trained.parts.test, None, limit=5000)
    frame = trained.module.predict_frame(trained.model, trained.parts.test)
    served = [row.answer["probability_of_default"] for row in rows]
    assert served == pytest.approx(frame["probability_of_default"].tolist(), abs=1e-4)


def test_texts_are_masked(train, tmp_path):
    trained = train("intent_classifier")
    test = trained.parts.test.head(2).assign(text=["call me at 9876543210", "send it to me@example.com"])
    path = reference_rows.write(trained.module, trained.model, test, None, tmp_path)
    assert b"9876543210" not in path.read_bytes()
    (tmp_path / "model").mkdir()
    path.rename(tmp_path / "model" / path.name)
    kept = " ".join(request["query"] for request in reference_rows.read(tmp_path)["request"])
    assert "9876543210" not in kept
    assert "me@example.com" not in kept
