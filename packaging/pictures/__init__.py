"""The scenes in which the window is painted for the README."""
