"""Who calls and what they may do: tokens of clients, logins and sessions of staff, permissions."""
