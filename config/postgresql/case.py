"""Lower case as PostgreSQL's lower() computes it."""


def case_folded(name: str) -> str:
    """Lowers letter by letter, like PostgreSQL. Python lowers the end of "ΟΔΟΣ" differently, and "İ" to two letters."""
    return "".join(letter.lower()[0] for letter in name)
