from nivesh.serving.predictor import Predictor


class Served(Predictor):
    """Answers with whether a transaction is unlike its user."""

    key = "anomaly_detector"
