"""Limits of login attempts, counted in the database, so that they hold across workers and restarts.

Our own and not django-axes (8.3): that looks before the password is checked and counts afterwards, so that attempts at
one moment all get through; an attacker who varies the User-Agent fills its tables; and its middleware runs for the API
as well. It knows no browser of the owner's, which an attacker can't lock out.
"""
