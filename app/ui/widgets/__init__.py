"""Parts that pages are built from; each takes the theme first and knows no page."""
