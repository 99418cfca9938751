from nivesh.serving.predictor import Predictor


class Served(Predictor):
    """Answers with amounts, dates, categories, merchants and accounts in a text."""

    key = "financial_ner"
