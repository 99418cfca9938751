"""Probability that a loan applied for is not repaid, with the reasons; see ``nivesh.models`` for the surface.

terms.py      SPEC, Request, Answer: what is promised
scoring.py    the model itself: features in, calibrated probability and exact SHAP contributions out; save, load
training.py   split and fit
answers.py    probability -> the guide's JSON: category, reasons in words, a loan that would fit
fairness.py   Fairlearn's metrics by gender, region and age band
evaluation.py every number of ``evaluate``
plots.py      ROC, calibration, importance, fairness
"""

from nivesh.models.credit_risk.answers import predict, predict_frame
from nivesh.models.credit_risk.evaluation import evaluate
from nivesh.models.credit_risk.plots import plot
from nivesh.models.credit_risk.scoring import build_features, load, save
from nivesh.models.credit_risk.terms import SPEC, Answer, Request
from nivesh.models.credit_risk.training import fit, split

__all__ = [
    "SPEC",
    "Answer",
    "Request",
    "build_features",
    "evaluate",
    "fit",
    "load",
    "plot",
    "predict",
    "predict_frame",
    "save",
    "split",
]
