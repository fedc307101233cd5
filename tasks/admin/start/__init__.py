"""The start page: what it counts, and how that is drawn."""
