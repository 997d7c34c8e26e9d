"""Bytes become the letters that were meant, and what is no text is refused by name."""

from __future__ import annotations

import codecs
import gzip
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from app.engine.errors import UserError
from app.engine.texts.encoding import find_encoding
from app.engine.texts.records import FILE, TextSource
from app.engine.texts.source import look, records

FRENCH = "Le café était fermé.\nOù êtes-vous allés ? Là-bas, près de la forêt.\n"
GERMAN = "Die Straße ist schön – „früher“ war alles größer.\nÜber Äpfel läßt sich reden.\n"
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy.\nDěti šly do školy a řekly učitelce, že je zima.\n"
POLISH = "Zażółć gęślą jaźń. Dzieci poszły do szkoły, a mama została w domu.\n"
RUSSIAN = "Жили-были старик со старухой у самого синего моря.\nОни жили в землянке ровно тридцать лет.\n"


def written(folder: Path, data: bytes, name: str = "story.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def read(path: Path, encoding: str = "") -> str:
    (record,) = records(TextSource(FILE, path.name, path=str(path), encoding=encoding))
    return record.text


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("story.txt", "Once")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "cp1252"),
        ("Un café.\n", "cp1252"),
        (GERMAN, "cp1252"),
        ("Le café était fermé à côté de la forêt. " * 10, "cp1252"),
        ("¿Qué? ¡Sí!\n", "cp1252"),
        ("Le café était fermé à côté de la forêt µ. " * 3, "cp1252"),
        ("Åh, så skönt på ön.\n", "cp1252"),
        ("She said “hello” and left—it’s late.\n" * 10, "cp1252"),
        (CZECH, "iso8859_2"),
        (CZECH, "cp1250"),
        (POLISH, "iso8859_2"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        ("Η γρήγορη καφέ αλεπού πηδάει πάνω από το σκυλί.\n", "cp1253"),
        ("むかしむかし、あるところにおじいさんがいました。\n", "cp932"),
        ("从前有座山,山里有座庙,庙里有个老和尚。\n", "gb18030"),
    ],
)
def test_an_older_encoding_is_guessed_and_says_so(tmp_path: Path, text: str, encoding: str) -> None:
    path = written(tmp_path, text.encode(encoding))
    facts = look(path)
    assert (facts.encoding, facts.guessed) == (encoding, True)
    assert read(path) == facts.preview == text


def test_a_few_accents_far_from_the_beginning_are_enough(tmp_path: Path) -> None:
    text = "Plain words, nothing else.\n" * 4_000 + FRENCH + "And plain words again.\n" * 4_000
    path = written(tmp_path, text.encode("cp1252"))
    assert look(path).encoding == "cp1252"
    assert read(path) == text


def test_two_pieces_cut_inside_letters_are_still_utf8(tmp_path: Path) -> None:
    """The middle of a file rarely is the beginning of a letter; one of the three shifts cuts every kind of place."""
    for shift in ("", "a", "ab"):
        text = shift + "€" * 300_000
        facts = look(written(tmp_path, text.encode()))
        assert (facts.encoding, facts.guessed) == ("utf-8", False)


def test_two_pieces_cut_inside_letters_of_two_bytes_are_still_japanese(tmp_path: Path) -> None:
    for shift in ("", "a"):
        text = shift + "むかしむかし、あるところにおじいさんがいました。\n" * 8_000
        assert look(written(tmp_path, text.encode("cp932"))).encoding == "cp932"


@pytest.mark.parametrize(
    ("bom", "encoding", "told"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
    ],
)
def test_a_mark_tells_the_encoding_and_is_no_letter(tmp_path: Path, bom: bytes, encoding: str, told: str) -> None:
    path = written(tmp_path, bom + RUSSIAN.encode(encoding))
    facts = look(path)
    assert (facts.encoding, facts.guessed, facts.preview) == (told, False, RUSSIAN)
    assert read(path) == read(path, encoding) == RUSSIAN


def test_utf16_without_a_mark_is_read_when_it_is_chosen(tmp_path: Path) -> None:
    path = written(tmp_path, FRENCH.encode("utf-16-le"))
    with pytest.raises(UserError, match=r"zero bytes.*utf-16-le"):
        look(path)
    assert read(path, "utf-16-le") == look(path, "utf-16-le").preview == FRENCH


def test_a_chosen_encoding_wins_and_the_others_stay_to_choose(tmp_path: Path) -> None:
    path = written(tmp_path, CZECH.encode("iso8859_2"))
    facts = look(path, "cp1250")
    assert (facts.encoding, facts.guessed) == ("cp1250", False)
    assert "iso8859_2" in facts.encodings
    assert "cp1250" in look(path).encodings
    assert read(path, "cp1250") == CZECH.encode("iso8859_2").decode("cp1250") != CZECH


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n", "\r\n\n\r"])
def test_line_ends_stay(tmp_path: Path, ends: str) -> None:
    text = f"one{ends}two{ends}"
    assert read(written(tmp_path, text.encode())) == text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7\nplain letters so far", "a PDF.*plain text"),
        (zipped(), "zip archive or an office document"),
        (gzip.compress(FRENCH.encode(), mtime=0), "gzip.*Unpack"),
        (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
        (save({"weight": np.zeros(4, np.float32)}), "safetensors"),
        (pickle.dumps({"text": "x"}), "pickle.*run any code"),
        (b"GGUF\x03\0\0\0", "GGUF"),
        (b"plain\0text", "zero bytes"),
        (np.random.default_rng(0).integers(1, 256, 50_000, np.uint8).tobytes(), "no encoding that could be told"),
    ],
)
def test_what_is_no_text_is_refused_with_its_kind(tmp_path: Path, data: bytes, said: str) -> None:
    path = written(tmp_path, data)
    for reading in (look, read):
        with pytest.raises(UserError, match=said) as caught:
            reading(path)
        assert str(path) in caught.value.fact
        assert caught.value.remedy


def test_words_that_begin_like_a_program_are_a_text(tmp_path: Path) -> None:
    assert find_encoding(written(tmp_path, b"MZ was the sign of a town.")).name == "utf-8"


def test_the_line_and_byte_of_what_cannot_be_read_are_named(tmp_path: Path) -> None:
    """Neither the beginning nor the middle of this file shows that it is not UTF-8."""
    lines = b"A line of thirty-two plain letters\n" * 100_000
    data = lines + "un café\n".encode("cp1252")
    path = written(tmp_path, data)
    with pytest.raises(UserError, match=r"story\.txt, line 100,001: byte 3,500,006 \(0xE9\).*utf-8.*cp1252"):
        read(path)
    assert read(path, "cp1252").endswith("café\n")


@pytest.mark.parametrize(
    ("data", "encoding", "said"),
    [
        ("één\r\ntwee\r\n".encode("cp1252"), "utf-8", r"line 1: byte 0 \(0xE9\)"),
        (b"\xef\xbb\xbfone\ntwo \xff", "utf-8", r"line 2: byte 11 \(0xFF\)"),
        (b"one\rtwo\rthr\x81ee", "cp1252", r"line 3: byte 11 \(0x81\)"),
        ("one\ntwo".encode("utf-16")[:-1], "utf-16", "line 2: byte 14"),
        ("a€".encode()[:-1], "utf-8", r"line 1: byte 1 \(0xE2\)"),
    ],
)
def test_a_chosen_encoding_that_does_not_fit_is_said(tmp_path: Path, data: bytes, encoding: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read(written(tmp_path, data), encoding)


@pytest.mark.parametrize("encoding", ["klingon", "base64", "cp\0"])
def test_an_encoding_that_there_is_not_is_said(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UserError, match=r"No encoding is called"):
        look(written(tmp_path, b"text"), encoding)
