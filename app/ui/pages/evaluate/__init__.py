"""The Evaluate page: how surprised models are by texts, and what texts are worth against others."""
