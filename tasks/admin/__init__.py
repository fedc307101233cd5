"""The admin of tasks, tags and changes: a module for each page; start/ has the charts of the start page."""

from tasks.admin.changes import ChangeAdmin
from tasks.admin.tags import TagAdmin
from tasks.admin.task import TaskAdmin

__all__ = ["ChangeAdmin", "TagAdmin", "TaskAdmin"]
