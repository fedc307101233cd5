"""Types of arguments for commands."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable


def number(of: str, most: int) -> Callable[[str], int]:
    """The type of an argument: a whole number from 1 to `most`, which has at most nine digits."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
            raise ArgumentTypeError(f"{text!r} is not a whole number of {of} from 1 to {most:,}")
        return int(text)

    return parse
