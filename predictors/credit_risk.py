from nivesh.serving.predictor import Predictor


class Served(Predictor):
    """Answers with the risk of a loan to a user."""

    key = "credit_risk"
