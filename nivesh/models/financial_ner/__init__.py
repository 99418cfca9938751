"""Entities in texts about money: MONEY, DATE, CATEGORY, MERCHANT and ACCOUNT, by a spaCy pipeline.

The pipeline has a fine tokenizer (``tokens``) and one component (``tagger``): a MiniLM encoder with spelling and
lexicon features under a linear-chain CRF, trained in torch (``network``, ``fit_network``) and served as ONNX.
"""
