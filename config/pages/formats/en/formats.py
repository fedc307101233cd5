"""ISO 8601 with the name of the time zone, such as 2026-11-26 09:30:00 UTC."""

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = "Y-m-d H:i:s e"
