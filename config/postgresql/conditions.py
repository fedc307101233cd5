"""The WHERE clause of a queryset as SQL, compiled once for each combination of filters."""

from typing import Any

from django.db import connection
from django.db.models import Expression, Field, QuerySet


class Parameter(Expression):
    """A named placeholder for a value that the filter gets later."""

    def __init__(self, name: str, output_field: "Field[Any, Any] | None" = None) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", (self,)


def condition_of(queryset: QuerySet[Any]) -> str:
    """The condition after WHERE, with %(name)s for each parameter."""
    where = queryset.query.where
    if not where:
        return "true"
    values: Any
    sql, values = where.as_sql(queryset.query.get_compiler(connection=connection), connection)
    return str(sql % tuple(f"%({value.name})s" for value in values))
