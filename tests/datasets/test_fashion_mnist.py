import gzip
import hashlib
import os
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from digitcore.datasets import DATASETS, load_dataset
from digitcore.datasets.fashion_mnist import FASHION_MNIST, load_fashion_mnist
from digitcore.datasets.idx_set import Sources, fetch_from_openml, load_idx_set
from digitcore.errors import DatasetError, DatasetUnavailable

NAMES = tuple(FASHION_MNIST.files)
LABELS = "t10k-labels-idx1-ubyte"


def no_second_source(_home):
    raise OSError("no network")


def linked(real, folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        os.symlink(real / f"{name}.gz", folder / f"{name}.gz")
    return folder


def load(tmp_path, **sources):
    sources = {"mirrors": [], "fetch": no_second_source, "system_folder": tmp_path / "system", **sources}
    return load_fashion_mnist(tmp_path / "data", **sources)


def test_the_real_files_are_fashion_mnist(fashion_mnist_directory):
    dataset = load_fashion_mnist(fashion_mnist_directory.parent)
    assert dataset.images.shape == (70_000, 28, 28)
    assert (dataset.max_value, dataset.official_train_size) == (255, 60_000)
    # As published, every class has 6000 training and 1000 test images.
    assert np.bincount(dataset.labels[:60_000]).tolist() == [6000] * 10
    assert np.bincount(dataset.labels[60_000:]).tolist() == [1000] * 10


def test_labels_have_the_names_of_what_the_images_show(fashion_mnist_directory):
    dataset = load_fashion_mnist(fashion_mnist_directory.parent)
    # The first training image is known to be an ankle boot; trousers have two legs with a gap between them.
    assert dataset.class_names[dataset.labels[0]] == "Ankle boot"
    means = {
        name: dataset.images[dataset.labels == index].mean(axis=0) for index, name in enumerate(dataset.class_names)
    }
    assert means["Trouser"][24, 13:15].mean() < 0.7 * means["Trouser"][24, 10:12].mean()
    assert means["Sandal"].mean() == min(mean.mean() for mean in means.values())


def test_it_is_the_third_built_in_data_set(fashion_mnist_directory):
    assert tuple(DATASETS)[:3] == ("digits", "mnist", "fashion-mnist")
    assert load_dataset("fashion-mnist").n_images == DATASETS["fashion-mnist"].n_images
    assert "MIT licence" in DATASETS["fashion-mnist"].source


def test_files_of_the_systems_package_are_used(fashion_mnist_directory, tmp_path):
    linked(fashion_mnist_directory, tmp_path / "system", NAMES)
    assert load(tmp_path).n_images == 70_000
    assert not (tmp_path / "data").exists()


def test_files_in_the_data_directory_go_before_those_of_the_system(fashion_mnist_directory, tmp_path):
    linked(fashion_mnist_directory, tmp_path / "system", NAMES)
    (tmp_path / "data" / "fashion-mnist").mkdir(parents=True)
    own = tmp_path / "data" / "fashion-mnist" / f"{LABELS}.gz"
    own.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x02ab", mtime=0))
    with pytest.raises(DatasetError, match="data.fashion-mnist.t10k-labels-idx1-ubyte.gz is not the published file"):
        load(tmp_path)


def test_what_no_folder_has_is_downloaded_into_the_data_directory(fashion_mnist_directory, tmp_path, mirror):
    linked(fashion_mnist_directory, tmp_path / "system", [name for name in NAMES if name != LABELS])
    mirror.files[f"{LABELS}.gz"] = (fashion_mnist_directory / f"{LABELS}.gz").read_bytes()
    assert load(tmp_path, mirrors=[mirror.url]).n_images == 70_000
    assert [path.name for path in (tmp_path / "data" / "fashion-mnist").iterdir()] == [f"{LABELS}.gz"]


def test_files_of_mnist_are_refused(mnist_directory, tmp_path):
    linked(mnist_directory, tmp_path / "data" / "fashion-mnist", NAMES)
    with pytest.raises(DatasetError, match="train-images-idx3-ubyte.gz is not the published file"):
        load(tmp_path)


def test_without_files_and_network_the_message_says_all(tmp_path, mirror):
    with pytest.raises(DatasetUnavailable, match="^Fashion-MNIST is not on this machine") as caught:
        load(tmp_path, mirrors=[mirror.url])
    for words in (*NAMES, str(tmp_path / "data" / "fashion-mnist"), "404", "OpenML's Fashion-MNIST", "no network"):
        assert words in str(caught.value)


def test_the_sizes_of_the_files_follow_from_their_layout(fashion_mnist_directory):
    for name, content in FASHION_MNIST.files.items():
        unpacked = gzip.decompress((fashion_mnist_directory / f"{name}.gz").read_bytes())
        assert (len(unpacked), hashlib.sha256(unpacked).hexdigest()) == (content.n_bytes, content.sha256)


def test_a_set_of_another_name_has_another_directory_and_other_classes(fashion_mnist_directory, tmp_path):
    other = replace(FASHION_MNIST, name="other", class_names=tuple("ABCDEFGHIJ"))
    sources = Sources(folders=[fashion_mnist_directory], mirrors=(), fetch=no_second_source)
    dataset = load_idx_set(other, sources)
    assert (dataset.name, dataset.class_names[9]) == ("other", "J")


def test_openml_is_asked_for_the_set_by_its_name(tmp_path, monkeypatch):
    class Bunch:
        data, target = np.arange(2 * 784) % 256, np.array(["9", "0"])

    asked = []
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda *given, **named: asked.append((given, named)) or Bunch)
    images, labels = partial(fetch_from_openml, "Fashion-MNIST")(tmp_path)
    assert asked[0][0] == ("Fashion-MNIST",)
    assert (images.shape, images.dtype, labels.tolist()) == ((2, 28, 28), np.uint8, [9, 0])
