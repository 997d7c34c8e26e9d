"""Setting up a checkout and starting what it holds. Standard library only: it runs before anything is installed."""
