"""Plain and pasted texts, what the system has against a file, folders, and what tells that a text changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from app.engine.errors import UserError
from app.engine.texts.folder import files_in, folders_passed_over
from app.engine.texts.records import FILE, HUB, PASTED, Record, TextSource
from app.engine.texts.source import ContentHash, content_hash, fingerprint, look, records


@pytest.fixture
def story(tmp_path: Path) -> TextSource:
    path = tmp_path / "story.txt"
    path.write_text("Once upon a time.")
    return TextSource(FILE, "story.txt", path=str(path))


def test_a_plain_text_is_one_record(story: TextSource) -> None:
    assert list(records(story)) == [Record("Once upon a time.")]
    facts = look(story.path)
    assert (facts.name, facts.size, facts.format, facts.columns) == ("story.txt", 17, "text", ())
    assert (facts.encoding, facts.guessed, facts.preview) == ("utf-8", False, "Once upon a time.")


def test_a_long_text_comes_in_pieces_and_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes("\ufeffDer Bär saß da.\r\n".encode() * 70_000)
    source = TextSource(FILE, "long", path=str(path))
    (record,), (whole,) = records(source, whole=False), records(source)
    assert record.long is not None and record.long.bytes == len(whole.text.encode())
    assert max(map(len, record.pieces())) < len(whole.text) / 4
    assert "".join(record.pieces()) == "".join(whole.pieces()) == whole.text
    assert content_hash([record]) == content_hash([whole]) != content_hash([Record(whole.text + "!")])
    path.write_bytes(b" " * (2 << 20))
    with pytest.raises(UserError, match="nothing but white space"):
        next(records(source, whole=False))
    with pytest.raises(UserError, match="changed while it was read"):
        list(record.pieces())


def test_a_look_reads_a_beginning_only(tmp_path: Path) -> None:
    """What stands neither at the beginning nor in the middle, a look does not see."""
    path = tmp_path / "long.txt"
    path.write_bytes(b"Once upon a time. " * 100_000 + b"\xff")
    assert look(path).encoding == "utf-8"
    with pytest.raises(UserError, match=r"byte 1,800,000 \(0xFF\)"):
        next(records(TextSource(FILE, "long", path=str(path))))


def test_pasted_texts_are_records_as_they_are() -> None:
    assert list(records(TextSource(PASTED, "One", text="One\r\ntwo"))) == [Record("One\r\ntwo")]
    with pytest.raises(UserError, match="pasted text holds nothing"):
        next(records(TextSource(PASTED, "", text=" \n")))
    with pytest.raises(UserError, match="surrogate"):
        next(records(TextSource(PASTED, "", text="a\ud800")))


@pytest.mark.parametrize("reading", [look, lambda path: list(records(TextSource(FILE, "x", path=str(path))))])
def test_what_cannot_be_opened_is_said(reading, tmp_path: Path) -> None:
    gone, empty, blank, marked = (tmp_path / name for name in ("gone", "empty", "blank", "marked"))
    empty.touch()
    blank.write_text(" \r\n\t\n")
    marked.write_bytes(b"\xef\xbb\xbf")
    said = {gone: "is not there", tmp_path: "is a folder", empty: "is empty"}
    said |= {blank: "nothing but white space", marked: "nothing but white space"}
    for path, sentence in said.items():
        with pytest.raises(UserError, match=sentence) as caught:
            reading(path)
        assert path.name in caught.value.fact and caught.value.remedy


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="a device or a pipe"):
        look(tmp_path / "pipe")


def test_a_file_that_may_not_be_read_is_said(story: TextSource, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match="permission is denied"):
        look(story.path)


def opened_files() -> set[Path]:
    return {Path(file.path).resolve() for file in psutil.Process().open_files()}


def test_a_file_is_closed_when_it_is_left_early(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one"}\n' * 1_000)
    found = records(TextSource(FILE, "a", path=str(path)))
    next(found)
    assert path.resolve() in opened_files()
    found.close()
    assert path.resolve() not in opened_files()
    assert list(found) == []


def test_fingerprints_change_with_the_file_and_with_what_is_asked(story: TextSource) -> None:
    before = fingerprint(story)
    assert fingerprint(replace(story, name="called otherwise")) == before
    others = {"column": "text", "source_column": "en", "encoding": "cp1252", "limit": 5}
    asked = {fingerprint(replace(story, **{field: value})) for field, value in others.items()}
    assert len(asked | {before}) == 5
    os.utime(story.path, ns=(1, 1))
    touched = fingerprint(story)
    Path(story.path).write_text("Once upon a time!!")
    os.utime(story.path, ns=(1, 1))
    assert len({before, touched, fingerprint(story)}) == 3
    Path(story.path).unlink()
    with pytest.raises(UserError, match="is not there"):
        fingerprint(story)


def test_fingerprints_of_pasted_texts_and_datasets(tmp_path: Path) -> None:
    assert fingerprint(TextSource(PASTED, "a", text="é")) == hashlib.sha256("é".encode()).hexdigest()
    hub = TextSource(HUB, "ada/tales", path="ada/tales")
    assert fingerprint(hub) == fingerprint(replace(hub, name="x")) != fingerprint(replace(hub, split="train"))
    (tmp_path / "train.jsonl").write_text('{"text": "a"}\n')
    local = TextSource(HUB, "tales", path=str(tmp_path))
    before = fingerprint(local)
    (tmp_path / "train.jsonl").write_text('{"text": "abc"}\n')
    assert fingerprint(local) != before


def test_a_content_hash_knows_where_a_record_ends() -> None:
    hashes = {
        content_hash([Record("ab"), Record("c")]),
        content_hash([Record("a"), Record("bc")]),
        content_hash([Record("abc")]),
        content_hash([Record("c", source="ab")]),
        content_hash([Record("é")]),
    }
    assert len(hashes) == 5
    passing = ContentHash()
    for record in (Record("ab", place="line 1"), Record("c", place="line 2")):
        passing.add(record)
    assert passing.hexdigest() == content_hash([Record("ab"), Record("c")])


def test_a_folder_gives_its_readable_files_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("b")
    (tmp_path / "a.txt").write_bytes("Un café.".encode("cp1252"))
    (tmp_path / "c.jsonl").write_text('{"text": "c"}\n')
    (tmp_path / ".hidden.txt").write_text("hidden")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "d.txt").write_text("d")
    inside = files_in(tmp_path)
    found = [TextSource(FILE, file.name, path=str(file.path)) for file in inside if file.facts is not None]
    assert [source.name for source in found] == ["a.txt", "b.txt", "c.jsonl"]
    assert [record.text for source in found for record in records(source)] == ["Un café.", "b", "c"]
    assert folders_passed_over(tmp_path, inside) == ["deeper"]


def test_a_folder_of_folders_is_looked_into_once(tmp_path: Path) -> None:
    for name in ("two/b.txt", "one/a.txt", ".git/c.txt", "one/deep/d.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    inside = files_in(tmp_path)
    assert [file.name for file in inside] == ["one/a.txt", "two/b.txt"] and not folders_passed_over(tmp_path, inside)


def test_a_folder_without_texts_is_said(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    for path, said in (
        (tmp_path, "no file that can be read"),
        (tmp_path / "gone", "is not there"),
        (tmp_path / "picture.png", "is a file, not a folder"),
    ):
        with pytest.raises(UserError, match=said):
            files_in(path)


def test_reading_a_plain_text_loads_no_library(story: TextSource) -> None:
    script = (
        "import sys; from app.engine.texts.source import *; from app.engine.texts.records import *\n"
        f"print(next(records(TextSource(FILE, 'x', path={story.path!r}))).text, look({story.path!r}).size)\n"
        "heavy = ('torch', 'datasets', 'pyarrow', 'huggingface_hub', 'PySide6')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["Once upon a time. 17", "[]"]
