"""Datasets, from folders that are laid out as one; the hub is one of our own and says no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from engine.models.fake_hub import our_hub
from pyarrow import parquet

from app.engine.errors import UserError
from app.engine.texts.hub import look_at_dataset
from app.engine.texts.records import HUB, Record, TextSource
from app.engine.texts.source import Records, records


def of(path: Path | str, **options: Any) -> Records:
    return records(TextSource(HUB, "tales", path=str(path), **options))


@pytest.fixture
def tales(tmp_path: Path) -> Path:
    """Two splits in Parquet, with a picture beside each text that is none."""
    folder = tmp_path / "tales"
    folder.mkdir()
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features = {"text": {"dtype": "string", "_type": "Value"}, "n": {"dtype": "int64", "_type": "Value"}}
    features["image"] = {"_type": "Image"}
    for split, words in (("train", ["c", "d"]), ("test", ["a", None, "b"])):
        rows = pa.table(
            {
                "text": words,
                "n": list(range(len(words))),
                "image": pa.array([{"bytes": b"no picture", "path": "x.png"}] * len(words), picture),
            }
        )
        rows = rows.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        parquet.write_table(rows, folder / f"{split}-00000-of-00001.parquet")
    return folder


@pytest.fixture
def tongues(tmp_path: Path) -> Path:
    """Two configurations."""
    folder = tmp_path / "tongues"
    for name in ("en", "fr"):
        (folder / name).mkdir(parents=True)
        (folder / name / "train.jsonl").write_text(json.dumps({"pair": {"en": "cat", name: f"{name} cat"}}) + "\n")
    configs = "".join(f"- config_name: {name}\n  data_files: {name}/*.jsonl\n" for name in ("en", "fr"))
    (folder / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    return folder


def test_a_split_is_read_row_by_row(tales: Path) -> None:
    found = of(tales)
    assert list(found) == [Record("a", "", "row 1"), Record("b", "", "row 3")]
    assert found.skipped == 1
    assert [record.text for record in of(tales, split="train", column="text", limit=1)] == ["c"]
    facts = look_at_dataset(str(tales))
    assert (facts.format, facts.preview) == ("dataset", "a")
    assert "text" in facts.columns


def test_a_configuration_is_read_and_its_inner_columns(tongues: Path) -> None:
    (record,) = of(tongues, config="fr", column="pair.fr", source_column="pair.en")
    assert record == Record("fr cat", "cat", "row 1")


def test_what_has_to_be_chosen_is_named(tales: Path, tongues: Path) -> None:
    for found, said in (
        (of(tales, split="dev"), r"no split “dev”.*Choose one of: (train, test|test, train)\."),
        (of(tales, column="words"), r"no column “words”.*text, n, image"),
        (of(tales, column="n"), "row 1: “n” is not a text but a number"),
        (of(tales, config="de"), "no configuration “de”.*default"),
        (of(tongues), "2 configurations, and one has to be chosen.*en, fr"),
        (of(tongues, config="de"), "no configuration “de”.*en, fr"),
        (of(tongues, config="fr", column="pair"), "row 1: “pair” is not a text but an object"),
    ):
        with pytest.raises(UserError, match=said) as caught:
            next(found)
        assert caught.value.remedy


def test_a_script_is_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "scripted"
    folder.mkdir()
    (folder / "scripted.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(UserError, match="script of its own, which is not run"):
        next(of(folder))
    assert not (tmp_path / "ran").exists()


def test_folders_that_hold_no_dataset_are_said(tmp_path: Path) -> None:
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    empty.mkdir()
    broken.mkdir()
    (broken / "train.jsonl").write_text('{"text": "one"}\n{"text": \n')
    with pytest.raises(UserError, match="no data files"):
        next(of(empty))
    with pytest.raises(UserError, match=r"cannot be read.*open one of them as a file"):
        list(of(broken))
    with pytest.raises(UserError, match="is a file, not a dataset"):
        next(of(broken / "train.jsonl"))


@pytest.mark.parametrize("name", ["ada//tales", "/nowhere/at/all", "json", "csv"])
def test_names_that_no_dataset_can_have_are_said(name: str) -> None:
    with pytest.raises(UserError, match="neither a folder here nor the name of a dataset"):
        next(of(name))


def test_what_the_hub_says_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="HF_HUB_OFFLINE forbids"):
        next(of("ada/tales"))
    with our_hub(monkeypatch, tmp_path / "cache") as hub:
        with pytest.raises(UserError, match="knows no dataset “ada/tales”"):
            next(of("ada/tales"))
        hub.broken = 503
        with pytest.raises(UserError, match="answered 503"):
            next(of("ada/tales"))
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        with pytest.raises(UserError, match=r"could not be reached.*network"):
            next(of("ada/tales"))


def test_no_bar_is_drawn_and_a_dataset_can_be_left_early(tales: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = of(tales)
    assert next(found).text == "a"
    found.close()
    assert list(found) == []
    assert capfd.readouterr() == ("", "")
