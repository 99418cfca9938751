"""Feature maths, the one place: the training frame and the online row go through the same code."""
