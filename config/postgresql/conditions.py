"""What a queryset filters by, as SQL that is compiled once for each combination of filters."""

from typing import Any

from django.db import connection
from django.db.models import Expression, Field, QuerySet


class Parameter(Expression):
    """A value that a filter gets later, by this name, in place of the value itself."""

    def __init__(self, name: str, output_field: "Field[Any, Any] | None" = None) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", (self,)


def condition_of(queryset: QuerySet[Any]) -> str:
    """Behind WHERE, with %(name)s for each parameter."""
    where = queryset.query.where
    if not where:
        return "true"
    sql, values = where.as_sql(queryset.query.get_compiler(connection=connection), connection)
    return str(sql % tuple(map(placed, values)))


def placed(value: Any) -> str:
    """A parameter by its name; a value that is part of the condition itself, as PostgreSQL's literal."""
    if isinstance(value, Parameter):
        return f"%({value.name})s"
    return "'{}'".format(str(value).replace("'", "''").replace("%", "%%"))
