"""Model cards, kept where people look."""

from nivesh import models
from nivesh.registry import model_card, model_registry
from nivesh.registry.gate import Verdict
from tests.registry.test_model_registry import version


def test_a_card_that_no_database_takes_is_shortened_and_says_where_it_goes_on(home):
    name = version()
    card = "# toy\n" + "a line of the card\n" * 400
    model_card.save("toy", name, card)
    shown = model_registry.find("toy", name).description
    assert len(shown) <= 5000
    assert "more in report/card.md of run" in shown
    assert (home / "reports" / "toy" / "card-1.0.0.md").read_text() == card


def test_a_card_says_what_the_metrics_were_measured_on():
    spec, verdict = models.get("anomaly_detector").spec, Verdict(True, "better")
    card = model_card.card(spec, "1.0.0", {"evaluated_on": "injected anomalies"}, verdict, {})
    assert "**Measured on:** injected anomalies." in card
    assert "Measured on" not in model_card.card(spec, "1.0.0", {}, verdict, {})
