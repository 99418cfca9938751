"""Anomaly detection: an Isolation Forest over the evidence that a transaction departs from its user's own past."""
