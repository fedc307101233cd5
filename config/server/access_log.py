"""The access log: one line for each request, written with one call.

gunicorn's logger computes 30 values for each line, and takes a tenth of the time of a short request. We print six.
"""

import os
from contextlib import suppress
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

STDOUT = 1


class AccessLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Logs address, request line, status, length of the body and milliseconds, unless the log is switched off."""
        if not self.access_log_enabled:
            return
        method, target, protocol = (environ.get(name, "-") for name in ("REQUEST_METHOD", "RAW_URI", "SERVER_PROTOCOL"))
        target = target.replace('"', '\\"')  # because a quote ends it
        line = (
            f'{environ.get("REMOTE_ADDR") or "-"} "{method} {target} {protocol}"'
            f" {resp.status.split()[0]} {resp.sent} {request_time // timedelta(milliseconds=1)}ms\n"
        )
        with suppress(OSError):  # the reader of stdout has gone
            os.write(STDOUT, line.encode("latin-1", "backslashreplace"))
