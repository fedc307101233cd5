"""How drf-spectacular reads this code."""

from drf_spectacular import openapi


class AutoSchema(openapi.AutoSchema):
    """The OpenAPI document, told what the code says."""
