"""Authentication and permissions: tokens of clients, logins and sessions of staff."""
