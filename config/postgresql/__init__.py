"""Django's PostgreSQL backend, statements that a connection prepares, and the embedded server of a local trial.

The backend checks the health of a connection by asking the socket and not the server.
"""
