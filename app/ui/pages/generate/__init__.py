"""Generate: text streams, sliders act on the next token, every choice can be looked at."""
