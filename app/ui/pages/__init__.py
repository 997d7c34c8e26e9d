"""The pages of the window. They do not import each other and meet in the session."""
