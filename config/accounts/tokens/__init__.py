"""Tokens of clients: `Authorization: Bearer tasks_...` (RFC 6750).

A token has four parts: the prefix `tasks_`, a public ID of 12 letters and digits, a secret of 43 (256 bits), and a
checksum of 6. With the checksum, scanners recognise a leaked token, and a typing error costs no query. The database
stores the SHA-256 of the whole token, so a stolen backup gives no access. A slow hash would add nothing to 256 random
bits.
"""
