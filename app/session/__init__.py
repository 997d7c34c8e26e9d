"""What is open now. Pages observe it and never each other. QtCore only."""
