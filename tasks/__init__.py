"""The domain: tasks. Read models.py, serializers.py, filters.py, pagination.py, views.py and urls.py, in this order."""
