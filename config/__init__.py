"""The shell: everything that would be the same in a service for invoices. It never imports `tasks` (urls.py names it).

Start with settings.py, urls.py and wsgi.py.
"""
