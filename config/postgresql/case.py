"""Capitals, as PostgreSQL's lower() takes them."""


def case_folded(name: str) -> str:
    """In small letters, one by one, as PostgreSQL does it; Python ends "ΟΔΟΣ" in another sigma and makes "İ" two."""
    return "".join(letter.lower()[0] for letter in name)
