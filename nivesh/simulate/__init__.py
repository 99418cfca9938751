"""Simulated users: the data to try everything with, and the samples that ship. Same seed, same rows."""

from nivesh.simulate.loans import loans
from nivesh.simulate.transactions import transactions

__all__ = ["loans", "transactions"]
