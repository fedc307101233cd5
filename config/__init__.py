"""The shell: what would be the same if the service kept invoices. It never imports `tasks` (its urls name it).

Start with settings.py, urls.py and wsgi.py.
"""
