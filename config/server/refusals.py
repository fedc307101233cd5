"""What an answer says about a request that gunicorn refuses because it is not valid HTTP."""

import re

HEADER = re.compile(r"Invalid HTTP [Hh]eader(?: name)?: '([A-Za-z-]+)'")
# By the beginning of gunicorn's message, which quotes the request as Python's repr shows it.
DETAILS = {
    "Invalid Request Line": "The request line is invalid: expected one such as GET /health HTTP/1.1, ended by CR LF.",
    "Invalid Method": "The request method is invalid: expected capital letters, such as GET.",
    "Invalid HTTP Version": "The HTTP version must be 1.0 or 1.1.",
    "Obsolete line folding": "A request header must be on one line.",
    "Invalid chunk": "The chunks of the request body are invalid (RFC 9112, section 7.1).",
}


def detail_of(message: str) -> str:
    """`message` is gunicorn's, of a 400."""
    if header := HEADER.fullmatch(message):
        return f"The request header {header[1].title()} is invalid or repeated."
    known = (detail for start, detail in DETAILS.items() if message.startswith(start))
    return next(known, "A request header is invalid: expected a name, a colon and a value.")
