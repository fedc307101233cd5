"""Tokens of clients: `Authorization: Bearer tasks_...` (RFC 6750).

A token is text that says what it is: the prefix `tasks_`, a public id of 12 letters and digits, a secret of 43, which
is 256 bits, and a checksum of 6, by which scanners tell a leaked one from chance and a typing error costs no query.
The database holds the SHA-256 of the whole, so that a stolen backup opens nothing; a slow hash would add nothing to
256 random bits.
"""
