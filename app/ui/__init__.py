"""Everything Qt. Sees of the engine only its torch-free records, errors and settings."""
