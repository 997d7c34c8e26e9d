"""Inspect: tokens, tensors and attention of one text."""
