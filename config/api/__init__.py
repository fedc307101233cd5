"""The manners of every endpoint: errors, bodies, fields, filters, pages, conditions, and the OpenAPI document.

views.py puts them together.
"""
