"""What every endpoint has in common: errors, bodies, fields, filters, pages, conditions, and the OpenAPI document.

views.py puts them together. faults.py describes one mistake in a request, errors.py defines the error answers, and
handlers.py turns exceptions into them.
"""
