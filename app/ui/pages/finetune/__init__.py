"""The Finetune page: examples and settings on the left, how training goes and what it changed on the right."""
