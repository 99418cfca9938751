from nivesh.serving import Predictor


class Served(Predictor):
    """Answers with the wish behind a text."""

    key = "intent_classifier"
