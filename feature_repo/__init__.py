"""Feast definitions of the users' features, and Feast's settings; what they are computed with is nivesh/features."""
