"""The intent of a text to a personal-finance assistant, with a calibrated confidence.

A fine-tuned MiniLM encoder and a linear classifier of n-grams, blended; served by onnxruntime without torch.
"""
