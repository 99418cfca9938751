from nivesh.serving.predictor import Predictor


class Served(Predictor):
    """Answers with a user's spending of the coming days and months."""

    key = "spending_predictor"
