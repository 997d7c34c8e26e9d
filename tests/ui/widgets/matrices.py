"""Attention to look at, and a pointer to look with."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget


def causal_attention(tokens: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights float32, visible bool and scores float32, `[query, key]`, of a causal softmax over random scores."""
    visible = np.tril(np.ones((tokens, tokens), dtype=bool))
    raw = np.random.default_rng(seed).normal(0.0, 2.0, (tokens, tokens)).astype(np.float32)
    scores = np.where(visible, raw, np.float32(-np.inf))
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights.astype(np.float32), visible, scores


def names(tokens: int) -> list[str]:
    """As many token texts, all different."""
    return [f" w{index}" for index in range(tokens)]


def move(widget: QWidget, point: QPointF, buttons: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    """Move the pointer to a point of the widget."""
    _send(widget, QEvent.Type.MouseMove, point, Qt.MouseButton.NoButton, buttons)


def press(widget: QWidget, point: QPointF) -> None:
    """Press the left button."""
    _send(widget, QEvent.Type.MouseButtonPress, point, Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton)


def release(widget: QWidget, point: QPointF) -> None:
    """Let the left button go."""
    _send(widget, QEvent.Type.MouseButtonRelease, point, Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton)


def _send(widget: QWidget, kind: QEvent.Type, point: QPointF, button: Qt.MouseButton, buttons: Qt.MouseButton) -> None:
    where = widget.mapToGlobal(point)
    event = QMouseEvent(kind, point, where, button, buttons, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)
