"""All that knows gunicorn and proxies, and the first start of a local trial."""
