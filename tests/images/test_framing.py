import numpy as np
import pytest

from digitcore.datasets import DATASETS, load_dataset
from digitcore.datasets.registry import DatasetEntry
from digitcore.images.clean_up import clean_strokes
from digitcore.images.framing import CenteredByBox, CenteredByMass, CountedInBlocks, ink_box
from tests.images.stroke_templates import SHAPES, template

DIGITS = DATASETS["digits"].used_framing


def counted(strokes):
    return clean_strokes(strokes, DIGITS)[-1].ink


def bar(height, width, lean=0.0):
    """An upright bar, each row moved to the right by ``lean`` rows for each row below."""
    sheet = np.zeros((200, 300))
    for row in range(height):
        left = 150 + round(lean * row)
        sheet[row, left : left + width] = 1
    return sheet


def test_a_data_set_of_your_own_is_framed_as_mnist_unless_it_says_otherwise():
    entry = {"name": "own", "label": "", "description": "", "n_images": 1, "n_classes": 1, "max_value": 1}
    plain = DatasetEntry(**entry, image_shape=(20, 16), ink_size=14, load=lambda progress: None)
    assert plain.used_framing == CenteredByMass((20, 16), 14)
    counted = CountedInBlocks((20, 16), (18, 12), 0.2)
    own = DatasetEntry(**entry, image_shape=(20, 16), ink_size=14, framing=counted, load=lambda progress: None)
    assert own.used_framing is counted


@pytest.mark.parametrize("lean", [0.0, 0.3, -0.3])
@pytest.mark.parametrize("width", [8, 30])
def test_a_bar_comes_out_upright_with_the_ink_of_the_data_set_however_wide_or_slanted(width, lean):
    upright, bitmap, counts = (step.ink for step in DIGITS.stages(bar(180, width, lean)))
    assert upright[:, upright.shape[1] // 2].mean() > 0.9
    assert np.isin(bitmap, [0, 1]).all()
    assert counts.mean() == pytest.approx(0.305, abs=0.035)  # its edges are whole pixels of the bitmap
    rows = (counts * np.arange(8)).sum(axis=1) / counts.sum(axis=1)
    assert np.ptp(rows) < 0.3
    assert counts[[0, -1]].max(axis=1).min() > 0.5  # as high as the image
    assert counts[:, [0, -1]].max() == 0


def test_a_wide_digit_fills_the_box_of_five_pixels_in_the_middle():
    ring = [np.array([(0.5 + 0.4 * np.cos(turn), 0.5 + 0.4 * np.sin(turn)) for turn in np.linspace(0, 6.3, 80)])]
    counts = counted(ring)
    assert counts[:, [0, 7]].max() == 0
    assert counts[3, 1] == pytest.approx(0.5, abs=0.1)  # half of the second column belongs to the box
    assert counts[3, 6] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (3, 3)])
def test_ink_of_any_shape_is_an_image(shape):
    counts = DIGITS.stages(np.ones(shape))[-1].ink
    assert (counts.shape, bool(counts.any())) == ((8, 8), True)
    assert counts.min() >= 0
    assert counts.max() <= 1


def test_drawings_have_their_ink_where_the_data_set_has_it():
    images = load_dataset("digits").images / 16
    drawn = np.array([counted(template(shape)) for shapes in SHAPES.values() for shape in shapes.values()])
    np.testing.assert_allclose(drawn.mean(axis=(0, 1)), images.mean(axis=(0, 1)), atol=0.07)
    np.testing.assert_allclose(drawn.mean(axis=(0, 2)), images.mean(axis=(0, 2)), atol=0.07)


def test_the_box_of_ink_leaves_out_what_is_faint():
    ink = np.array([[0, 0.1, 0], [0, 1, 0.4], [0, 0, 0]])
    assert ink_box(ink) == (slice(1, 2), slice(1, 3))
    assert ink_box(ink, 0.5) == (slice(1, 2), slice(1, 2))


@pytest.mark.parametrize(("height", "width"), [(60, 120), (120, 60), (90, 90)])
def test_ink_that_is_centred_by_its_box_fills_the_image_the_long_way(height, width):
    sheet = np.zeros((200, 200))
    sheet[10 : 10 + height, 30 : 30 + width] = 0.3
    sheet[10 : 10 + height // 4, 30 : 30 + width] = 1  # heavier at the top, which moves the centre of mass alone
    cropped, scaled, image = (step.ink for step in CenteredByBox((28, 28)).stages(sheet))
    assert cropped.shape == (height, width)
    assert max(scaled.shape) == 28
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    for places, side in ((rows, height), (columns, width)):
        assert len(places) == round(28 * side / max(height, width))
        assert abs(places[0] + places[-1] - 27) <= 1


def test_fashion_mnist_is_framed_as_its_authors_did(fashion_mnist_directory):
    framing, dataset = DATASETS["fashion-mnist"].used_framing, load_dataset("fashion-mnist")
    # Of its own images nothing is moved: they fill 28 pixels the long way and are centred already.
    chosen = [image / 255 for image in dataset.images[:200] if image[ink_box(image)].shape in ((28, 28), (28, 20))]
    assert len(chosen) > 10
    for ink in chosen:
        np.testing.assert_allclose(framing.stages(ink)[-1].ink, ink / ink.max(), atol=0.16)
