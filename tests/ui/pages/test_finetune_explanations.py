"""What the Explain panel says of finetuning can be read as it is painted."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter, QTextDocument

from app.engine.finetune.settings import FULL, LORA, FinetuneSettings
from app.ui.pages.finetune.explanations import explain_method
from app.ui.theme import Theme


@pytest.mark.parametrize("method", [LORA, FULL])
def test_the_prime_stands_beside_its_letter(theme: Theme, method: str) -> None:
    page = QTextDocument()
    page.setDefaultFont(theme.font(15))
    page.setHtml(explain_method(FinetuneSettings(method=method), None, None).formula_html.partition(" =")[0])
    image = QImage(120, 40, QImage.Format.Format_Grayscale8)
    image.fill(255)
    painter = QPainter(image)
    page.drawContents(painter)
    painter.end()
    shades = np.frombuffer(image.constBits(), np.uint8).reshape(40, image.bytesPerLine())
    inked = (shades[:, :120] < 160).any(axis=0).astype(int)
    assert np.count_nonzero(np.diff(inked, prepend=0) == 1) == 2, "a letter, a gap, a stroke"
