"""The secret key of a local trial: made once, kept beside the embedded data, readable by its owner alone."""

import contextlib
import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key


def local_secret_key(folder: Path) -> str:
    """The key in `folder`, made if there is none. Two processes that start at once get the same one."""
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(exist_ok=True)
        draft = folder / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(get_random_secret_key())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)  # whole or not at all, and the first one wins
        draft.unlink()
    return path.read_text()
