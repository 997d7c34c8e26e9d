"""Unembed: open a transformer up. `README.md` beside this file is the map of the house."""
