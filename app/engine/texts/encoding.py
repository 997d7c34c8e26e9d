"""Whether a file holds letters at all, and in which encoding."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from app.engine.errors import UserError
from app.engine.texts.files import facts_of, os_errors
from app.engine.texts.guessing import guesses, whole_words

_PIECE = 1 << 17
_CHUNK = 1 << 20

# The longer BOM of two that begin alike comes first.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNPACK = "Unpack it and choose a text inside."
_AS_TEXT = "Save it as plain text (or Markdown) and choose that."
_NO_LETTERS = "Choose a file of letters: a plain text, JSONL, CSV, TSV or Parquet."
_TRUSTED = "Opening a pickle can run any code; save its texts as JSONL where you trust it."

# How files that are no texts begin.
_KINDS = (
    (b"%PDF-", "a PDF", _AS_TEXT),
    (b"PK\x03\x04", "a zip archive or an office document", "Unpack it, or save the document as plain text."),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office document", _AS_TEXT),
    (b"\x1f\x8b", "packed with gzip", _UNPACK),
    (b"BZh91AY&SY", "packed with bzip2", _UNPACK),
    (b"\xfd7zXZ\x00", "packed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"\x89PNG\r\n", "a PNG picture", _NO_LETTERS),
    (b"\xff\xd8\xff", "a JPEG picture", _NO_LETTERS),
    (b"GIF89a", "a GIF picture", _NO_LETTERS),
    (b"RIFF", "a sound, film or picture", _NO_LETTERS),
    (b"OggS", "a sound", _NO_LETTERS),
    (b"ID3", "a sound", _NO_LETTERS),
    (b"\x7fELF", "a program", _NO_LETTERS),
    (b"MZ", "a program", _NO_LETTERS),
    (b"SQLite format 3\x00", "a SQLite database", "Write the table you want into a CSV file."),
    (b"ARROW1", "an Arrow table", "Write it as Parquet or JSONL."),
    (b"\x89HDF", "an HDF5 file", _NO_LETTERS),
    (b"\x93NUMPY", "a NumPy array", _NO_LETTERS),
    (b"GGUF", "the weights of a model (GGUF)", _NO_LETTERS),
    *((bytes([0x80, protocol]), "a Python pickle", _TRUSTED) for protocol in range(2, 6)),
)


@dataclass(frozen=True)
class Encoding:
    """How a file's bytes become letters."""

    name: str
    """As Python calls it."""
    guessed: bool
    """Told from the letters; it may be wrong."""
    others: tuple[str, ...] = ()
    """Further encodings that the bytes make sense in, most likely first."""


def find_encoding(path: Path, chosen: str = "") -> Encoding:
    """The encoding of a file, from its beginning and its middle; `chosen` wins. Raises UserError for binary files."""
    size = facts_of(path).st_size
    with os_errors(path), path.open("rb") as file:
        pieces = [file.read(_PIECE)]
        if size > _PIECE:
            file.seek(max(_PIECE, size // 2))
            pieces.append(file.read(_PIECE))
    by_bom = next((name for bom, name in _BOMS if pieces[0].startswith(bom)), "")
    wide = _looked_up(chosen) if chosen else by_bom
    if not wide.startswith(("utf-16", "utf-32")):
        _refuse_binary(path, pieces)
    if by_bom:
        candidates: tuple[str, ...] = (by_bom,)
    elif all(_is_utf8(piece) for piece in pieces):
        candidates = ("utf-8",)
    else:
        candidates = guesses(b"\n".join(whole_words(piece) if size > _PIECE else piece for piece in pieces))
    if chosen:
        return Encoding(chosen, False, tuple(name for name in candidates if _looked_up(name) != _looked_up(chosen)))
    if not candidates:
        raise UserError(
            f"{path} is in no encoding that could be told from its bytes, or it is not a text.",
            "If it is one, choose its encoding; or save it as UTF-8 in the program it comes from.",
        )
    return Encoding(candidates[0], not by_bom and candidates != ("utf-8",), candidates[1:])


@contextmanager
def open_text(path: Path, encoding: str, newline: str = "") -> Iterator[TextIO]:
    """The letters of a file, line ends as they are, without its byte order mark.

    `newline` says only where lines are parted when they are read one by one: "" at \\n, \\r and \\r\\n, "\\n" at \\n.
    Raises UserError with line and byte at the first byte that is no letter.
    """
    _looked_up(encoding)
    with os_errors(path), path.open(encoding=encoding, newline=newline) as file:
        try:
            if file.read(1) != "\ufeff":
                file.seek(0)
            yield file
        except UnicodeDecodeError:
            raise _undecodable(path, encoding) from None


def _looked_up(encoding: str) -> str:
    """Python's own name of an encoding ("UTF8" is "utf-8")."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)  # refuses codecs that make no letters, such as base64
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise UserError(
            f"No encoding is called “{encoding}”.", "Choose one of the list, or leave it away to have it found out."
        ) from None


def _is_utf8(piece: bytes) -> bool:
    """Whether a piece is UTF-8; a letter that its ends cut through is forgiven."""
    start = next((at for at, byte in enumerate(piece[:3]) if byte & 0xC0 != 0x80), 3)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(piece[start:] if start < 3 else piece[3:])
    except UnicodeDecodeError:
        return False
    return True


def _refuse_binary(path: Path, pieces: list[bytes]) -> None:
    """Raise UserError when the bytes are no letters."""
    head, zeros = pieces[0], any(b"\x00" in piece for piece in pieces)
    for magic, what, remedy in _KINDS:
        # A text may begin with the letters "MZ", but it has no zero bytes.
        if head.startswith(magic) and (zeros or not magic.isalnum()):
            raise UserError(f"{path} is not a text; it seems to be {what}.", remedy)
    if zeros and head[8:10] == b'{"':
        raise UserError(f"{path} is not a text; it seems to be the weights of a model (safetensors).", _NO_LETTERS)
    if zeros:
        raise UserError(
            f"{path} is not a text: it holds zero bytes.",
            "Choose a file of letters. If it is a text in UTF-16 without a mark, choose utf-16-le as its encoding.",
        )


def _undecodable(path: Path, encoding: str) -> UserError:
    """Where the first byte stands that is no letter in this encoding, found by reading the file again."""
    decoder, offset, breaks = codecs.getincrementaldecoder(encoding)(), 0, {"\n": 0, "\r": 0}

    def count(text: str) -> None:
        for sign in breaks:
            breaks[sign] += text.count(sign)

    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            state = decoder.getstate()
            try:
                count(decoder.decode(chunk, final=not chunk))
            except UnicodeDecodeError as error:
                bad = error
                # The start is counted from the bytes that the decoder still held of the chunk before.
                inside = error.start - len(state[0])
                decoder.setstate(state)
                count(decoder.decode(chunk[: max(inside, 0)]))
                break
            if not chunk:
                return UserError(f"{path} changed while it was read.", "Read it again.")
            offset += len(chunk)
    at, line = offset + inside, 1 + max(breaks.values())
    around = bad.object[max(0, bad.start - _PIECE // 2) : bad.start + _PIECE // 2]
    likely = ", ".join(name for name in guesses(whole_words(around))[:3] if name != encoding)
    return UserError(
        f"{path.name}, line {line:,}: byte {at:,} (0x{bad.object[bad.start]:02X}) is no letter in {encoding}.",
        f"Choose another encoding ({likely} would do there), or mend that line." if likely else "Mend that line.",
    )
