"""Forecasts of a user's spending from the monthly totals of the feature store.

A forecast has three parts: a seasonality shared by all users (trend, year, month, week, Indian festivals; Prophet),
yearly bills that recur in the same month, and the user's own level of the rest, which leans on users of similar income
where the history is short.
"""
