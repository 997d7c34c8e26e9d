"""Background work: generators stepped on lanes. Knows no engine; any generator will do."""
