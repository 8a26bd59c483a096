import base64
import tracemalloc

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits as load_bunch

from digitcore.datasets import DATASETS, load_dataset
from digitcore.errors import InvalidSetting
from digitcore.images.clean_up import Frame, as_image, clean_drawing, clean_photo, pad_ink
from digitcore.models import MLP

MNIST = Frame((28, 28), 20)
SMALL = Frame((8, 8), 8)


def stroke(height=200, width=200, rows=slice(40, 160), columns=slice(90, 110)):
    """A sheet with one upright stroke."""
    sheet = np.zeros((height, width))
    sheet[rows, columns] = 1.0
    return sheet


def center_of_mass(ink):
    return np.array(ndimage.center_of_mass(ink))


def test_the_stages_are_named_and_end_in_the_frame():
    steps = clean_drawing(stroke(), MNIST)
    assert [step.title for step in steps] == ["Drawn", "Cropped to the ink", "Scaled to 20 × 3", "Centred by mass"]
    assert [step.ink.shape for step in steps] == [(200, 200), (120, 20), (20, 3), (28, 28)]


@pytest.mark.parametrize("frame", [MNIST, SMALL])
@pytest.mark.parametrize("corner", [(0, 0), (40, 90), (80, 175)])
def test_where_and_how_large_something_is_drawn_does_not_matter(frame, corner):
    top, left = corner
    small = stroke(rows=slice(top, top + 60), columns=slice(left, left + 20))
    large = stroke(400, 400, slice(10, 370), slice(200, 320))
    first, second = (clean_drawing(ink, frame)[-1].ink for ink in (small, large))
    np.testing.assert_allclose(first, second, atol=0.02)


def test_the_centre_of_mass_is_the_images_centre():
    seven = np.zeros((300, 300))
    seven[50:80, 60:200] = 1
    seven[80:250, 150:180] = 1
    ink = clean_drawing(seven, MNIST)[-1].ink
    assert abs(center_of_mass(ink) - 13.5).max() <= 0.5
    rows, _ = np.nonzero(ink)
    assert (np.ptp(rows) + 1, ink.max()) == (20, 1.0)


def test_no_ink_is_cut_off_where_the_mass_lies_at_one_end():
    flag = np.zeros((280, 280))
    flag[0:60, 0:240] = 1
    flag[60:280, 0:10] = 0.5
    steps = clean_drawing(flag, MNIST)
    assert steps[-1].ink.sum() == pytest.approx(steps[-2].ink.sum())


def test_wide_ink_fits_into_a_narrow_image():
    steps = clean_drawing(stroke(rows=slice(95, 105), columns=slice(0, 200)), Frame((28, 16), 20))
    assert steps[-2].ink.shape == (1, 16)


def test_pale_ink_becomes_full_ink():
    assert clean_drawing(0.3 * stroke(), MNIST)[-1].ink.max() == pytest.approx(1.0)


def test_a_single_dot_is_an_image():
    dot = np.zeros((50, 50))
    dot[7, 9] = 1
    assert clean_drawing(dot, SMALL)[-1].ink.shape == (8, 8)


@pytest.mark.parametrize("ink", [np.zeros((28, 28)), np.full((5, 5), 0.01)])
def test_an_empty_sheet_is_told(ink):
    with pytest.raises(InvalidSetting, match="Nothing is drawn yet"):
        clean_drawing(ink, MNIST)


@pytest.mark.parametrize("ink", [np.zeros(5), np.zeros((0, 3)), np.full((3, 3), np.nan)])
def test_what_is_no_drawing_is_refused(ink):
    with pytest.raises(InvalidSetting, match="A drawing must be finite numbers"):
        clean_drawing(ink, MNIST)


def test_digits_of_the_data_set_keep_their_size():
    # scikit-learn's digits fill their height: taken for a drawing, most come back as they were.
    images = load_bunch().images[:200] / 16
    again = np.array([clean_drawing(image, SMALL)[-1].ink for image in images])
    assert np.abs(again - images).mean() < 0.06


def photo(dark_ink=True, noise=0.0, seed=0):
    """A photo of an upright stroke, grey values with noise."""
    ink = stroke()
    gray = 220 - 180 * ink if dark_ink else 30 + 200 * ink
    gray = gray + np.random.default_rng(seed).normal(0, noise, gray.shape)
    return gray.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("dark_ink", [True, False])
@pytest.mark.parametrize("noise", [0, 8])
def test_a_photo_gives_the_image_of_its_ink_light_or_dark(dark_ink, noise):
    steps = clean_photo(photo(dark_ink, noise), MNIST)
    assert steps[1].title == ("Inverted, paper removed" if dark_ink else "Background removed")
    expected = clean_drawing(stroke(), MNIST)[-1].ink
    assert steps[-1].ink.sum() == pytest.approx(expected.sum(), rel=0.05)
    # The stroke is three pixels wide and the image has no pixel in its middle: either side of it is right.
    assert abs(center_of_mass(steps[-1].ink) - center_of_mass(expected)).max() <= 1


def test_specks_and_the_tables_edge_are_no_ink_but_a_second_stroke_is():
    gray = photo()
    expected = clean_photo(gray, MNIST)[-1].ink
    gray[2:8, 2:8] = 30
    gray[190:198, 150:160] = 60
    np.testing.assert_allclose(clean_photo(gray, MNIST)[-1].ink, expected, atol=0.02)
    gray[40:160, 130:145] = 40
    assert clean_photo(gray, MNIST)[-1].ink.sum() > 1.5 * expected.sum()


def test_a_photo_without_a_digit_is_told():
    with pytest.raises(InvalidSetting, match="No digit stands out"):
        clean_photo(np.full((50, 50), 200, np.uint8), MNIST)


def test_what_the_pad_sends_is_ink():
    gray = np.arange(140 * 140).reshape(140, 140).astype(np.uint8)
    np.testing.assert_array_equal(pad_ink(base64.b64encode(gray.tobytes()).decode()), gray / 255)


RIGHT = base64.b64encode(bytes(140 * 140)).decode()


@pytest.mark.parametrize(
    "sent",
    [
        *(None, True, 7, float("nan"), b"bytes", [RIGHT], {"pixels": RIGHT}, RIGHT.encode()),
        *("", "A", RIGHT[:-1], RIGHT + "A", RIGHT * 2, "A" * len(RIGHT), "=" * len(RIGHT), "!" * len(RIGHT)),
        *("é" * len(RIGHT), "\0" * len(RIGHT), "data:image/png;base64," + RIGHT[22:], "A" * 20_000_000),
    ],
    ids=lambda sent: f"{type(sent).__name__} {str(sent)[:10]}",
)
def test_what_no_pad_sends_is_refused_without_decoding_much(sent):
    tracemalloc.start()
    try:
        with pytest.raises(InvalidSetting, match="^A drawing must be 140 × 140 grey values .* draw again.$"):
            pad_ink(sent)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_ink_as_the_data_set_keeps_it():
    image = as_image(np.array([[-0.1, 0.0, 0.5, 1.0, 1.2]]), 16)
    assert (image.dtype, image.tolist()) == (np.uint8, [[0, 0, 8, 16, 16]])


def test_a_model_of_98_percent_reads_95_percent_of_moved_and_scaled_digits(mnist_directory, rng):
    dataset = load_dataset("mnist")
    X = dataset.images.reshape(70_000, -1).astype(np.float32) / 255
    model = MLP(hidden_units=(256,), epochs=4, batch_size=128, optimizer="adam", learning_rate=0.002, random_state=0)
    model.fit(X[:60_000], dataset.labels[:60_000])
    plain = (model.predict(X[60_000:]) == dataset.labels[60_000:]).mean()
    assert round(plain, 2) == 0.98
    chosen = rng.permutation(np.arange(60_000, 70_000))[:2000]
    frame = Frame(dataset.image_shape, DATASETS["mnist"].ink_size)
    cleaned = [clean_drawing(distorted(dataset.images[index] / 255, rng), frame)[-1].ink for index in chosen]
    images = np.array([as_image(ink, 255) for ink in cleaned]).reshape(len(chosen), -1) / np.float32(255)
    assert (model.predict(images) == dataset.labels[chosen]).mean() >= 0.95


def distorted(ink, rng):
    """The image 0.6 to 1.3 times as large, up to 6 pixels off the centre of a canvas of 64x64."""
    factor, shift = rng.uniform(0.6, 1.3), rng.integers(-6, 7, 2)
    canvas = np.zeros((64, 64))
    scaled = ndimage.zoom(ink, factor, order=1).clip(0, 1)
    top, left = (64 - np.array(scaled.shape)) // 2 + shift
    canvas[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return canvas
