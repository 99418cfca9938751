from nivesh.serving.predictor import Predictor


class Served(Predictor):
    """Answers with the wish behind a text."""

    key = "intent_classifier"
