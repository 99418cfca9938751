"""Feature maths, defined once: training frames and online features go through the same code."""
