"""What the scripts that train the bundled models share."""
