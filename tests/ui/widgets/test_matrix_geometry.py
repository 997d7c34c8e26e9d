"""Pooling, pixels to cells and label thinning, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from app.ui.widgets.matrix_geometry import (
    BINARY_STEPS,
    Axis,
    label_step,
    pixel_cells,
    pool_factor,
    pooled,
    strongest_in_block,
    symmetric_limit,
)

INF = np.float32(np.inf)


def test_pooling_takes_the_largest_and_never_the_mean():
    values = np.array([[0.1, 0.9, 0.2], [0.0, 0.0, 0.0], [0.3, 0.1, 0.4]], dtype=np.float32)
    assert pooled(values, 2, 2).tolist() == np.array([[0.9, 0.2], [0.3, 0.4]], dtype=np.float32).tolist()


def test_pooling_by_magnitude_keeps_the_sign():
    values = np.array([[1.0, -3.0, 0.5], [2.0, 0.0, -0.25]], dtype=np.float32)
    assert pooled(values, 2, 2, signed=True).tolist() == [[-3.0, 0.5]]


@pytest.mark.parametrize("signed", [False, True])
def test_masked_cells_lose_and_broken_ones_win(signed):
    values = np.array([[-INF, -0.5, -INF, -INF], [1.0, np.nan, -INF, -INF]], dtype=np.float32)
    block, masked = pooled(values, 2, 2, signed=signed)[0]
    assert np.isnan(block)
    assert masked == -INF
    assert pooled(values[:1, :2], 1, 2, signed=signed)[0, 0] == -0.5


@pytest.mark.parametrize("signed", [False, True])
def test_the_block_shows_the_cell_that_pooling_kept(signed):
    values = np.random.default_rng(1).normal(size=(21, 13)).astype(np.float32)
    kept = pooled(values, 4, 2, signed=signed)
    for row, column in [(0, 0), (7, 5), (20, 12)]:
        cell = strongest_in_block(values, row, column, 4, 2, signed=signed)
        assert values[cell] == kept[row // 4, column // 2]


@pytest.mark.parametrize(("count", "factor"), [(256, 1), (257, 2), (512, 2), (1024, 4), (2048, 8), (4096, 16)])
def test_more_than_256_tokens_in_view_are_pooled(count, factor):
    assert pool_factor(Axis(count, 0.0, 600.0, 600.0 / count), 256) == factor


def test_blocks_have_at_least_a_pixel_in_a_small_plot():
    axis = Axis(250, 0.0, 100.0, 0.4)
    assert pool_factor(axis, 256) == 4


def test_zoomed_in_nothing_is_pooled():
    assert pool_factor(Axis(4096, 0.0, 600.0, 20.0), 256) == 1


@pytest.mark.parametrize(("cell", "offset"), [(26.0, 0.0), (7.3, 41.9), (0.61, 3.0), (1.7, 100.25)])
def test_every_pixel_is_drawn_as_the_cell_that_the_pointer_finds(cell, offset):
    axis = Axis(1000, 84.0, 400.0, cell).scrolled(offset)
    drawn, gaps = pixel_cells(axis, 1, 1.0)
    for pixel in range(len(drawn)):
        assert axis.at(84.0 + pixel) == drawn[pixel]
    first = drawn[len(drawn) // 2]
    assert axis.edge(int(first)) == 84 + int(np.flatnonzero(drawn == first)[0])
    assert gaps.any() == (cell >= 5.0)


def test_outside_the_plot_there_is_no_cell():
    axis = Axis(3, 10.0, 400.0, 20.0)
    assert [axis.at(x) for x in (9.0, 10.0, 69.0, 70.0)] == [-1, 0, 2, -1]


def test_zooming_keeps_what_is_under_the_pointer():
    axis = Axis(1024, 50.0, 512.0, 0.5)
    under = axis.at(306.0)
    assert axis.resized(8.0, 306.0).at(306.0) == under


def test_revealing_scrolls_no_further_than_needed():
    axis = Axis(100, 0.0, 200.0, 20.0)
    assert axis.revealing(5).offset == 0.0
    assert axis.revealing(12).offset == 60.0
    assert axis.scrolled(900.0).revealing(12).offset == 240.0


def test_labels_are_thinned_to_round_steps():
    assert [label_step(cell, 13.0) for cell in (26.0, 13.0, 6.6, 5.0, 1.3, 0.5)] == [1, 1, 2, 5, 10, 50]
    assert [label_step(cell, 30.0, BINARY_STEPS) for cell in (9.0, 1.0, 0.1)] == [4, 32, 512]


def test_the_clip_is_the_99th_percentile_of_finite_magnitudes():
    values = np.append(np.arange(-50, 51, dtype=np.float32), [np.nan, np.inf, -np.inf])
    assert symmetric_limit(values) == pytest.approx(50.0)
    outlier = np.zeros(1000, dtype=np.float32)
    outlier[:11] = 4.0
    assert symmetric_limit(outlier) == pytest.approx(4.0)
    assert symmetric_limit(np.zeros(5, dtype=np.float32)) == 1.0
