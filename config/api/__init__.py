"""The manners of every endpoint: errors, bodies, fields, filters, pages, conditions, and the OpenAPI document.

views.py puts them together. Of an error, faults.py has what is wrong, errors.py the answer, handlers.py who makes it.
"""
