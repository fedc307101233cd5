class ServerUnavailable(Exception):  # noqa: N818 (named for what it tells, like HTTP's 503)
    """The embedded server can't run; the message is one line that says why and what to do."""
