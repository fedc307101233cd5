"""Django's PostgreSQL backend, with a check of a connection's health that asks the socket and not the server."""
