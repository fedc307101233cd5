"""What counts as the same text, and what of a text can be seen. tasks/sql/text.sql has the same for PostgreSQL."""

import re
import unicodedata

# Classes of characters for regular expressions, the same in Python and in PostgreSQL.
BLANK = r"\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # what str.strip removes
CONTROL = r"\u0001-\u001f\u007f-\u009f\u2028\u2029"
# Format characters, fillers, and letters and symbols that show nothing, such as the blank of Braille.
ZERO_WIDTH = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e0fff"
)
# They change how their neighbours look: joiners (U+200C, U+200D), variation selectors, and the tags of a flag emoji.
JOINER, SELECTOR, FLAG = r"\u200c\u200d", r"\ufe00-\ufe0f", r"\U000e0020-\U000e007f"

IS_VISIBLE = f"[^{BLANK}{CONTROL}{ZERO_WIDTH}{JOINER}{SELECTOR}{FLAG}]"
HAS_CONTROL = f"[{CONTROL}]"
# Invisible inside a name. Joiners belong between emoji, and between letters of scripts such as Arabic and Devanagari,
# all of which have code points from U+0590 on; tags follow the black flag.
IS_HIDDEN = (
    rf"[{ZERO_WIDTH}]|(?<![\u0590-\U0010ffff])[{JOINER}]|[{JOINER}](?![\u0590-\U0010ffff])"
    rf"|(?<![\U0001f3f4{FLAG}])[{FLAG}]"
)
VISIBLE, CONTROLS, HIDDEN = re.compile(IS_VISIBLE), re.compile(HAS_CONTROL), re.compile(IS_HIDDEN)
SELECTORS = dict.fromkeys(range(0xFE00, 0xFE10))


def folded(text: str) -> str:
    """The key by which names are compared: Unicode's canonical caseless matching, without variation selectors.

    tasks_folded() in PostgreSQL gives the same; a test compares them for every character.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text.translate(SELECTORS))
    return unicodedata.normalize("NFC", decomposed.casefold().lower())
