"""The Finetune page: a model changed by examples, how the run goes, and what changed."""
