"""Pages of tasks."""

from config.api.pagination import Pagination
from tasks.filters import ORDERING


class TaskPagination(Pagination):
    columns = ORDERING
    default_order = ("-created_at",)
