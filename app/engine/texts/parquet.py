"""Rows of a Parquet file, read in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.texts.files import facts_of, os_errors
from app.engine.texts.tables import PARQUET, Row, format_by_name, named

_MAGIC = b"PAR1"
_ROWS = 256
_BUFFER = 1 << 20


def is_parquet(path: Path) -> bool:
    """Whether a file is called Parquet, or begins as Parquet does."""
    facts_of(path)
    if format_by_name(path) == PARQUET:
        return True
    with os_errors(path), path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def parquet_columns(path: Path) -> tuple[str, ...]:
    """The columns of texts, from the schema; a field inside a struct is called "translation.en"."""
    with _opened(path) as file:
        return tuple(name for name, kind in _leaves(file.schema_arrow) if _is_text(kind))


def parquet_rows(path: Path, columns: Sequence[str] | None) -> Iterator[Row]:
    """The rows with these columns only, or with all for None, a few hundred in memory at a time."""
    with _opened(path) as file:
        there = [name for name, _ in _leaves(file.schema_arrow)]
        for column in columns or ():
            if column not in there:
                raise UserError(f"{path.name} has no column “{column}”.", f"Choose one of: {named(there)}.")
        number = 0
        for batch in file.iter_batches(batch_size=_ROWS, columns=None if columns is None else list(columns)):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", row


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    facts_of(path)
    # A buffer keeps pyarrow from reading a column of a row group, which may be the whole file, at once.
    with os_errors(path):
        try:
            with parquet.ParquetFile(path, buffer_size=_BUFFER) as file:
                yield file
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise _broken(path, error) from None
        except OSError as error:
            # pyarrow says so of pages that do not unpack; the system's own errors have a number.
            if error.errno is None:
                raise _broken(path, error) from None
            raise


def _broken(path: Path, error: Exception) -> UserError:
    said = str(error).strip().partition("\n")[0].rstrip(".")
    return UserError(f"{path} cannot be read as Parquet ({said}).", "Copy or download the file again.")


def _leaves(schema: Any) -> list[tuple[str, Any]]:
    """(name, Arrow type) of each column, structs opened."""
    import pyarrow as pa

    leaves: list[tuple[str, Any]] = []
    for field in schema:
        if pa.types.is_struct(field.type):
            leaves += [(f"{field.name}.{inner.name}", inner.type) for inner in field.type]
        else:
            leaves.append((field.name, field.type))
    return leaves


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
