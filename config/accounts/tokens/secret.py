"""The text of a token: how it is generated, and what it says without a query."""

import hashlib
import re
import secrets
import string
import zlib

PREFIX = "tasks_"
ALPHABET = string.digits + string.ascii_letters
ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 12, 43, 6
FORM = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{ID_LENGTH}}})[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


def new_token() -> str:
    """A new random token."""
    body = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH + SECRET_LENGTH))
    return body + checksum(body)


def checksum(body: str) -> str:
    """CRC-32 in base 62, most significant digit first."""
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def public_id_of(token: str) -> str | None:
    """The part that may be shown and looked up; None if this is not a token or has a typing error."""
    found = FORM.fullmatch(token)
    if found is None or checksum(token[:-CHECKSUM_LENGTH]) != token[-CHECKSUM_LENGTH:]:
        return None
    return found[1]


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
