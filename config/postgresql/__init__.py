"""Django's PostgreSQL backend, prepared statements, pages by cursor, and the embedded server of a local trial."""
