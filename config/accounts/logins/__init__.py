"""Limits on login attempts, counted in the database, so that they hold across workers and restarts.

Why not django-axes (8.3): it reads the count before the password is checked and adds to it afterwards, so simultaneous
attempts all get through; an attacker who varies the User-Agent fills its tables; its middleware also runs for the API;
and it has nothing like the device cookie, which keeps an attacker from locking out the owner.
"""
