"""Model cards, kept where people look."""

from nivesh.registry import model_card, model_registry
from tests.registry.test_model_registry import version


def test_a_card_that_no_database_takes_is_shortened_and_says_where_it_goes_on(home):
    name = version()
    card = "# toy\n" + "a line of the card\n" * 400
    model_card.save("toy", name, card)
    shown = model_registry.find("toy", name).description
    assert len(shown) <= 5000
    assert "more in report/card.md of run" in shown
    assert (home / "reports" / "toy" / "card-1.0.0.md").read_text() == card
