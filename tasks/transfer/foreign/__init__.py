"""Converts files of other systems to records of this service."""
