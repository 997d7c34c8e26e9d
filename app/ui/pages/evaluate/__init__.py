"""Evaluate: how surprised a model is by a text, and how near its own texts come to what was wanted."""
