"""Advice on personal finance from a Gemini model that is tuned and served on Vertex AI, behind guardrails.

schema.py          SPEC, the request, the answer and the system instruction
training.py        split the examples, tune on Vertex AI
inference.py       predict, save, load; advisor.py is the fitted model that they work on
guardrails.py      local rules, whose data are in guardrails.toml
judge.py           the model that decides whether an answer may be shown
budget.py          what may be spent in a day; answer_cache.py keeps paid answers; shared_redis.py is for both
evaluation.py      tuned against base model, with each reply paid once (evaluation_replies.py); plots.py draws it
"""
