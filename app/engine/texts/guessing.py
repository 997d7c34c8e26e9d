"""In which encoding bytes that are not UTF-8 may be, most likely first."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from unicodedata import category, name

_ENOUGH = 1 << 16

# What people's files are in; EBCDIC and the code pages of single vendors would only win by accident. The more usual
# come first: of two that read the same letters, that one is named.
USUAL = (
    *("cp1252", "iso8859_15", "latin_1", "cp1250", "iso8859_2", "cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866"),
    *("cp1253", "iso8859_7", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "tis_620"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949", "mac_roman", "cp850"),
)

# In these a text is also looked for when charset-normalizer finds it has too many accents, as it does of Swedish.
_LATIN = ("cp1252", "iso8859_15", "latin_1", "cp1250", "iso8859_2", "cp1254", "cp1257")

# The letters beyond a–z of languages written in Latin letters: charset-normalizer alone takes most French for cp1250.
_ALPHABETS = tuple(
    frozenset(letters + letters.upper())
    for letters in (
        "àâæçèéêëîïôœùûüÿ",  # French
        "äöüß",  # German
        "áéíñóúü",  # Spanish
        "àáâãçéêíóôõúü",  # Portuguese
        "àèéìòù",  # Italian
        "àçèéíïòóúü·",  # Catalan
        "áäéëèïóöúüĳ",  # Dutch
        "äåæéöø",  # Danish, Finnish, Norwegian, Swedish
        "áæðéíóöúýþ",  # Icelandic
        "ąćęłńóśźż",  # Polish
        "áäčďéěíĺľňóôŕřšťúůýž",  # Czech, Slovak
        "áéíóöőúüű",  # Hungarian
        "âăîșțşţ",  # Romanian
        "ćčđšž",  # Bosnian, Croatian, Slovenian
        "âçğıîöşüûİ",  # Turkish
        "āčēģīķļņšūžąęėįųõäöü",  # Baltic
    )
)
_SIGNS = frozenset("“”„‘’‚–—…«»‹›•·°§€£©®™¿¡×½¼¾²³º\xa0")


def guesses(data: bytes) -> tuple[str, ...]:
    """Python's names of the encodings that `data` makes sense in, most likely first; () when it does in none.

    charset-normalizer finds those whose reading looks like a text; among Latin ones, the letters tell which.
    """
    from charset_normalizer import from_bytes

    # A few é in a long English text would lie between the pieces that charset-normalizer looks at.
    telling = b"\n".join(line for line in data.split(b"\n") if not line.isascii())
    telling = whole_words(telling[:_ENOUGH]) if len(telling) > _ENOUGH else telling
    # Lines that all have accents may have more of them than its usual threshold lets pass.
    matches = from_bytes(telling, cp_isolation=list(USUAL)) or from_bytes(
        telling, threshold=0.4, cp_isolation=list(USUAL)
    )
    alike = dict.fromkeys(encoding for match in matches for encoding in match.could_be_from_charset)
    plausible = [encoding for encoding in alike if encoding in USUAL]
    readings = {
        encoding: Counter(telling.decode(encoding, "replace"))
        for encoding in dict.fromkeys((*plausible, *_LATIN))
        if _readable(data, encoding)
    }
    strangers = {encoding: _strangers(letters) for encoding, letters in readings.items()}
    found = [encoding for encoding in readings if encoding in plausible or strangers[encoding] == 0]
    if found and (_latin(readings[found[0]]) or any(strangers[encoding] == 0 for encoding in found)):
        found.sort(key=lambda encoding: (strangers[encoding], USUAL.index(encoding)))
    return tuple(found)


def whole_words(piece: bytes) -> bytes:
    """A piece of a text without what is left of a word at its ends, where a letter of several bytes may be cut."""
    inner = re.search(rb"\s.*\s", piece, re.DOTALL)
    return inner.group() if inner else piece


def _readable(data: bytes, encoding: str) -> bool:
    """Whether all of a piece can be read; its last letter may lack its end."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _latin(letters: Counter[str]) -> bool:
    """Whether most letters beyond ASCII are Latin ones, or there are none but signs."""
    beyond = {letter: count for letter, count in letters.items() if not letter.isascii() and category(letter)[0] == "L"}
    latin = sum(count for letter, count in beyond.items() if name(letter, "").startswith("LATIN"))
    return 2 * latin >= sum(beyond.values())


def _strangers(letters: Counter[str]) -> int:
    """How many letters beyond ASCII do not belong to the one language that explains most of them."""
    beyond = {letter: count for letter, count in letters.items() if not letter.isascii() and letter not in _SIGNS}
    return min(sum(n for letter, n in beyond.items() if letter not in alphabet) for alphabet in _ALPHABETS)
