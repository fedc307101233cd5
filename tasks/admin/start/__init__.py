"""The start page: what it counts, and how its charts are drawn."""
