"""What is computed. Knows no Qt; usable from a plain Python prompt."""
