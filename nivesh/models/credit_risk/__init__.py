"""Probability that a loan applied for is not repaid, with the reasons.

Besides the six files of every model (see ``nivesh.models.interface``):

classifier.py   the model: features in, calibrated probability and exact SHAP contributions out
scorecard.py    its linear part, a logistic regression with given signs
explanation.py  probability -> category, decision, reasons in words, recommendation
fairness.py     Fairlearn's metrics by gender, region and age band
"""
