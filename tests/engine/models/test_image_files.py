"""Images in local files: folders of classes, dotted names, both versions of CIFAR, and kin."""

import pickle
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from landscape_core.foundation.errors import FileFormatError, MissingDataError
from landscape_core.models.datasets.cifar10 import CIFAR10
from landscape_core.models.datasets.cifar100 import CIFAR100
from landscape_core.models.datasets.fashion_mnist import FashionMNIST
from landscape_core.models.datasets.image_folder import ImageFolder
from landscape_core.models.datasets.kmnist import KMNIST
from landscape_core.models.datasets.mnist import MNIST
from landscape_core.storage import image_files

RNG = np.random.default_rng(0)


def idx(values):
    head = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(np.uint8).tobytes()


@pytest.mark.parametrize("mark", ["-idx", ".idx"])
@pytest.mark.parametrize(
    ("kind", "mean", "deviation"),
    [(MNIST, 0.1307, 0.3081), (FashionMNIST, 0.2860, 0.3530), (KMNIST, 0.1918, 0.3483)],
)
def test_files_of_the_format_of_mnist_are_read_by_both_names(tmp_path, kind, mean, deviation, mark):
    images = RNG.integers(0, 256, (6, 28, 28))
    for name in ("train", "t10k"):
        (tmp_path / f"{name}-images{mark}3-ubyte").write_bytes(idx(images))
        (tmp_path / f"{name}-labels{mark}1-ubyte").write_bytes(idx(np.arange(6)))
    data = kind(folder=str(tmp_path))
    split = data.build(0)
    found = split.test.inputs[split.test.targets.argsort(), 0].numpy()
    np.testing.assert_allclose(found, (images / 255 - mean) / deviation)
    assert len(data.files()) == 4


def batches(folder, train, test, count, label, binary):
    """Files of CIFAR with as many images each; labels rise from file to file. The test images."""
    for place, name in enumerate((*train, *test)):
        images = RNG.integers(0, 256, (count, 3072)).astype(np.uint8)
        fine = (np.arange(count) + place) % 10
        if binary:
            before = fine[:, None] if label == "labels" else np.stack([fine // 5, fine], 1)
            rows = np.concatenate([before.astype(np.uint8), images], axis=1)
            (folder / f"{name}.bin").write_bytes(rows.tobytes())
        else:
            content = {b"data": images, label.encode(): fine.tolist()}
            content[b"coarse_labels"] = (fine // 5).tolist()
            (folder / name).write_bytes(pickle.dumps(content, protocol=4))
    return images, fine


@pytest.mark.parametrize("binary", [False, True])
def test_cifar_10_is_read_in_both_versions(tmp_path, binary):
    train = [f"data_batch_{i}" for i in range(1, 6)]
    images, labels = batches(tmp_path, train, ["test_batch"], 4, "labels", binary)
    split = CIFAR10(folder=str(tmp_path)).build(0)
    assert split.train.inputs.shape == (20, 3, 32, 32)
    assert split.test.targets.sort().values.tolist() == sorted(labels)
    order = split.test.targets.argsort()
    raw = images[np.argsort(labels)].reshape(-1, 3, 32, 32) / 255
    mean = np.array([0.4914, 0.4822, 0.4465])[:, None, None]
    deviation = np.array([0.2470, 0.2435, 0.2616])[:, None, None]
    np.testing.assert_allclose(split.test.inputs[order], (raw - mean) / deviation)


@pytest.mark.parametrize("binary", [False, True])
def test_cifar_100_is_read_in_both_versions_with_fine_and_coarse_classes(tmp_path, binary):
    images, labels = batches(tmp_path, ["train"], ["test"], 6, "fine_labels", binary)
    fine = CIFAR100(folder=str(tmp_path)).build(0)
    coarse = CIFAR100(folder=str(tmp_path), classes="coarse").build(0)
    assert (fine.classes, coarse.classes) == (100, 20)
    assert fine.test.targets.sort().values.tolist() == sorted(labels)
    assert torch.equal(coarse.test.targets, fine.test.targets // 5)
    order = fine.test.targets.argsort()
    raw = images[np.argsort(labels)].reshape(-1, 3, 32, 32) / 255
    mean = np.array([0.5071, 0.4865, 0.4409])[:, None, None]
    deviation = np.array([0.2673, 0.2564, 0.2762])[:, None, None]
    np.testing.assert_allclose(fine.test.inputs[order], (raw - mean) / deviation)


def test_a_binary_file_that_is_cut_or_has_no_class_is_refused(tmp_path):
    batches(tmp_path, ["train"], ["test"], 3, "fine_labels", binary=True)
    path = tmp_path / "test.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(
        FileFormatError, match=r"test\.bin is not a binary file.*no multiple of 3074"
    ):
        CIFAR100(folder=str(tmp_path)).build(0)
    path.write_bytes(whole[:1] + b"\xff" + whole[2:])
    with pytest.raises(FileFormatError, match=r"test\.bin has the label 255"):
        CIFAR100(folder=str(tmp_path)).build(0)
    path.unlink()
    with pytest.raises(MissingDataError, match=r"test\.bin is not in"):
        CIFAR100(folder=str(tmp_path)).build(0)


COLORS = {"cat": (200, 30, 10), "dog": (20, 60, 220)}


def image(path, color, size=(9, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


@pytest.fixture
def folder(tmp_path):
    for place in range(5):
        for name, color in COLORS.items():
            image(tmp_path / name / f"{place}.png", tuple(c + place for c in color))
    image(tmp_path / "dog" / "more" / "x.JPG", COLORS["dog"])
    (tmp_path / "dog" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_a_folder_for_each_class_is_a_data_set(folder):
    data = ImageFolder(folder=str(folder), size=8, test_fraction=0.3)
    split = data.build(1)
    assert split.classes == 2
    assert split.input_shape == (3, 8, 8)
    assert (len(split.train.inputs), len(split.test.inputs)) == (8, 3)
    # Red is high in images of cats, which are class 0 by name, and blue in those of dogs.
    for part in (split.train, split.test):
        red, blue = part.inputs[:, 0].mean((1, 2)), part.inputs[:, 2].mean((1, 2))
        assert torch.equal(part.targets, (blue > red).long())
    torch.testing.assert_close(split.train.inputs.mean((0, 2, 3)), torch.zeros(3).double())
    torch.testing.assert_close(
        split.train.inputs.std((0, 2, 3), correction=0), torch.ones(3).double()
    )
    size = data.estimated_size()
    assert (size.training, size.sample.input_shape) == (8, (3, 8, 8))
    assert len(data.files()) == 11
    assert torch.equal(split.train.inputs, data.build(1).train.inputs)
    assert not torch.equal(split.train.inputs, data.build(2).train.inputs)


def test_pixels_are_those_of_the_file(tmp_path):
    pixels = RNG.integers(0, 256, (2, 6, 6), dtype=np.uint8)
    for name, values in zip("ab", pixels, strict=True):
        (tmp_path / name).mkdir()
        Image.fromarray(values).save(tmp_path / name / "x.png")
    split = ImageFolder(folder=str(tmp_path), size=6, colors="gray", test_fraction=0.5).build(0)
    which = int(split.train.targets[0])
    raw = pixels[which] / 255
    np.testing.assert_allclose(split.train.inputs[0, 0], (raw - raw.mean()) / raw.std())
    other = pixels[1 - which] / 255
    np.testing.assert_allclose(split.test.inputs[0, 0], (other - raw.mean()) / raw.std())


@pytest.mark.parametrize("color", [True, False])
def test_of_16_bits_the_upper_8_are_read(tmp_path, color):
    values = RNG.integers(0, 2**16, (6, 6)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "x.png")
    found = image_files.read_image(tmp_path / "x.png", 6, color=color)
    np.testing.assert_array_equal(found[..., 0], values // 256)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_an_image_is_turned_upright_as_its_file_says(tmp_path, orientation, turns, ending):
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:4, :4], pixels[:4, 4:], pixels[4:, :4] = 255, 160, 80
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / f"a{ending}", exif=exif)
    found = image_files.read_image(tmp_path / f"a{ending}", 8, color=False)[:, :, 0]
    assert np.abs(found.astype(int) - np.rot90(pixels, turns).astype(int)).max() < 12


@pytest.mark.parametrize("test", ["test", "val"])
def test_folders_of_two_sets_are_the_two_sets(tmp_path, test):
    for part, count in (("train", 3), (test, 2)):
        for name, color in COLORS.items():
            for place in range(count):
                image(tmp_path / part / name / f"{place}.png", color)
    split = ImageFolder(folder=str(tmp_path), limit=5).build(0)
    assert (len(split.train.inputs), len(split.test.inputs)) == (5, 4)
    (tmp_path / test / "cat").rename(tmp_path / test / "cow")
    with pytest.raises(FileFormatError, match="have different classes"):
        ImageFolder(folder=str(tmp_path)).build(0)


def test_sets_for_testing_alone_are_no_classes(tmp_path):
    for part in ("test", "val"):
        for name, color in COLORS.items():
            image(tmp_path / part / name / "0.png", color)
    with pytest.raises(FileFormatError, match="has a folder test of folders, and none named train"):
        ImageFolder(folder=str(tmp_path)).build(0)


def test_what_is_no_folder_of_images_is_refused(folder, monkeypatch):
    data = ImageFolder(folder=str(folder), size=8)
    with pytest.raises(MissingDataError, match="A folder for each class is expected"):
        ImageFolder(folder=str(folder / "none")).build(0)
    with pytest.raises(FileFormatError, match="1 folders of classes"):
        ImageFolder(folder=str(folder / "dog")).build(0)
    (folder / "cat" / "b.bmp").write_bytes(b"BM")
    with pytest.raises(FileFormatError, match=r"b\.bmp is not read: save it as PNG"):
        data.build(0)
    (folder / "cat" / "b.bmp").rename(folder / "cat" / "b.png")
    with pytest.raises(FileFormatError, match=r"b\.png cannot be read as PNG or JPEG"):
        data.build(0)
    (folder / "cat" / "b.png").unlink()
    monkeypatch.setattr(image_files, "MOST_PIXELS", 10)
    with pytest.raises(FileFormatError, match="declares 9 x 6 pixels"):
        data.build(0)
