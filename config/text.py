"""What counts as the same text, and what of a text can be seen. PostgreSQL has the same in tasks/sql/text.sql."""

import re
import unicodedata

# Classes of characters for regular expressions, of Python and of PostgreSQL alike.
BLANK = r"\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # what str.strip removes
CONTROL = r"\u0001-\u001f\u007f-\u009f\u2028\u2029"
# Format characters, variation selectors, and letters and symbols that show nothing: fillers, the blank of Braille.
ZERO_WIDTH = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
VISIBLE = f"[^{BLANK}{CONTROL}{ZERO_WIDTH}]"
# What nobody sees inside a name, apart from what changes the look of its neighbours: a joiner between letters of scripts
# that have them (Persian, Hindi) or emoji, a variation selector, and the tags that make the flag of a region.
HIDDEN = (
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
    r"|(?<![\u0590-\U0010ffff])[\u200c\u200d]|[\u200c\u200d](?![\u0590-\U0010ffff])"
    r"|(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007f]"
)
