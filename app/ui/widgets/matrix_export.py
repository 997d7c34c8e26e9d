"""Getting a matrix out of a view: text with labels, CSV and NumPy files, a picture as PNG or SVG."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QImage, QImageWriter, QPainter

from app.engine.errors import UserError

MOST_VALUES = 1_000_000
"""Above this many values text is made of the part in view only: the whole would halt the window for seconds."""


@dataclass(frozen=True)
class MatrixTable:
    """A matrix with its labels, as it is exported."""

    corner: str
    """What stands above the row labels, for instance "from \\ to"."""
    row_labels: Sequence[str]
    column_labels: Sequence[str]
    values: np.ndarray
    """float32 `[row, column]`."""


def write_table(table: MatrixTable, out: TextIO, delimiter: str) -> None:
    """Write one line per row, labels first, quoted where a label holds the delimiter.

    Numbers are the shortest text that reads back as the same float32; masked scores are "-inf".
    """
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow([table.corner, *table.column_labels])
    for label, row in zip(table.row_labels, table.values, strict=True):
        writer.writerow([label, *row.astype(np.float32).astype(str)])


def table_text(table: MatrixTable, delimiter: str) -> str:
    """The whole table as one text."""
    out = io.StringIO()
    write_table(table, out, delimiter)
    return out.getvalue()


def save_table_csv(table: MatrixTable, path: str | Path) -> None:
    """Write the table as CSV in UTF-8. Raises UserError when the file cannot be written."""
    try:
        # The byte order mark makes spreadsheets read the tokens' accents and signs as UTF-8.
        with Path(path).open("w", encoding="utf-8-sig", newline="") as out:
            write_table(table, out, ",")
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error


def save_text_csv(text: str, path: str | Path) -> None:
    """Write CSV that is text already. Raises UserError when the file cannot be written."""
    try:
        Path(path).write_text(text, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error


def save_image_png(image: QImage, path: str | Path) -> None:
    """Write a picture as PNG. Raises UserError when the file cannot be written."""
    writer = QImageWriter(str(path), b"png")
    if not writer.write(image):
        raise _cannot_write(path, writer.errorString())


def save_array_npy(values: np.ndarray, path: str | Path) -> None:
    """Write an array as `.npy`. Raises UserError when the file cannot be written."""
    try:
        with Path(path).open("wb") as out:
            np.save(out, values)
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error


def save_picture_svg(size: QSize, paint: Callable[[QPainter, float], None], path: str | Path) -> None:
    """Let `paint(painter, ratio)` draw into an SVG file. Raises UserError when the file cannot be written."""
    from PySide6.QtSvg import QSvgGenerator

    try:
        Path(path).open("wb").close()
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(size)
    generator.setViewBox(QRect(QPoint(0, 0), size))
    painter = QPainter(generator)
    paint(painter, 1.0)
    painter.end()


def _cannot_write(path: str | Path, reason: str) -> UserError:
    return UserError(f"The file {path} could not be written: {reason}.", "Choose another folder or name.")
