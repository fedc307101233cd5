"""Everything that knows about gunicorn and proxies, and the first start of a local trial."""
