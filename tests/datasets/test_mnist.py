import gzip
import os
import shutil

import numpy as np
import pytest

from digitcore.datasets.idx import read_idx
from digitcore.datasets.mnist import MNIST, load_mnist
from digitcore.errors import DatasetError, DatasetUnavailable

FILES = tuple(MNIST.files)


@pytest.fixture
def copy(mnist_directory, tmp_path):
    """A directory with links to the real files, to be spoilt."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name in FILES:
        os.symlink(mnist_directory / f"{name}.gz", folder / f"{name}.gz")
    return tmp_path


def spoil(copy, name, content):
    path = copy / "mnist" / f"{name}.gz"
    path.unlink()
    path.write_bytes(content)
    return path


def no_second_source(_home):
    raise OSError("no network")


def test_the_real_files_are_mnist(mnist_directory):
    dataset = load_mnist(mnist_directory.parent)
    assert dataset.images.shape == (70_000, 28, 28)
    assert (dataset.max_value, dataset.official_train_size) == (255, 60_000)
    # Class counts as published: 5923 zeros among the training images, 980 among the test images.
    assert (dataset.labels[:60_000] == 0).sum() == 5923
    assert (dataset.labels[60_000:] == 0).sum() == 980


def test_plain_files_are_read_too(copy, mnist_directory):
    for name in FILES:
        packed = copy / "mnist" / f"{name}.gz"
        (copy / "mnist" / name).write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    assert load_mnist(copy).n_images == 70_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must begin with two zero bytes"),
        (b"junk" * 100, "must begin with two zero bytes"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x02ab", mtime=0), "is not the published file"),
    ],
)
def test_a_wrong_file_is_named_and_stays(copy, content, message):
    path = spoil(copy, "t10k-labels-idx1-ubyte", content)
    with pytest.raises(DatasetError, match=f"t10k-labels-idx1-ubyte.gz {message}.*delete"):
        load_mnist(copy)
    assert path.read_bytes() == content


def test_a_truncated_file_is_named(copy, mnist_directory):
    whole = (mnist_directory / "t10k-images-idx3-ubyte.gz").read_bytes()
    spoil(copy, "t10k-images-idx3-ubyte", whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="t10k-images-idx3-ubyte.gz is a damaged gzip file"):
        load_mnist(copy)


def test_a_missing_file_is_downloaded(copy, mirror, mnist_directory):
    name = "t10k-images-idx3-ubyte"
    mirror.files[f"{name}.gz"] = (mnist_directory / f"{name}.gz").read_bytes()
    (copy / "mnist" / f"{name}.gz").unlink()
    seen = []
    assert load_mnist(copy, seen.append, mirrors=[mirror.url]).n_images == 70_000
    assert [request[0] for request in mirror.requests] == [f"{name}.gz"]
    assert seen[-1].received_bytes == seen[-1].total_bytes


def test_openml_is_the_second_source_and_its_images_are_kept(mnist_directory, tmp_path):
    arrays = {name: read_idx(mnist_directory / f"{name}.gz") for name in FILES}
    images = np.concatenate([arrays["train-images-idx3-ubyte"], arrays["t10k-images-idx3-ubyte"]])
    labels = np.concatenate([arrays["train-labels-idx1-ubyte"], arrays["t10k-labels-idx1-ubyte"]])
    # The training images take seconds to pack: take their files as there already.
    (tmp_path / "mnist").mkdir()
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        shutil.copyfile(mnist_directory / f"{name}.gz", tmp_path / "mnist" / f"{name}.gz")
    dataset = load_mnist(tmp_path, mirrors=[], fetch=lambda _home: (images, labels))
    np.testing.assert_array_equal(dataset.images[60_000:], images[60_000:])
    assert load_mnist(tmp_path, mirrors=[], fetch=no_second_source).n_images == 70_000


def test_other_images_from_openml_are_refused(mnist_directory, copy):
    (copy / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    wrong = np.zeros((70_000, 1, 1), np.uint8), np.zeros(70_000, np.uint8)
    with pytest.raises(DatasetError, match="OpenML's images are not those of t10k-labels"):
        load_mnist(copy, mirrors=[], fetch=lambda _home: wrong)
    assert not (copy / "mnist" / "t10k-labels-idx1-ubyte.gz").exists()


def test_without_files_and_network_the_message_says_all(tmp_path, mirror):
    with pytest.raises(DatasetUnavailable) as caught:
        load_mnist(tmp_path, mirrors=[mirror.url], fetch=no_second_source)
    for words in (*FILES, str(tmp_path / "mnist"), "public mirrors", "404", "OpenML's mnist_784", "no network"):
        assert words in str(caught.value)
