"""Files that lie, inflate, refer elsewhere or are damaged, each made by a function of a folder."""

import gzip
import pickle
import struct
import zipfile

import h5py
import numpy as np
import torch
import xarray as xr

from landscape_core.storage import netcdf


def _h5(change):
    def make(path):
        with h5py.File(path, "w") as file:
            change(file, path)

    return make


def _external_link(file, path):
    file["a"] = h5py.ExternalLink("/etc/passwd", "/")


def _soft_link(file, path):
    file["a"] = h5py.SoftLink("/a")


def _external_storage(file, path):
    file.create_dataset("a", (100,), "u1", external=[("/etc/passwd", 0, 100)])


def _virtual(file, path):
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("other.nc", "a", (4,))
    file.create_virtual_dataset("a", layout)


def _declares(shape, **more):
    def change(file, path):
        file.create_dataset("a", shape, "f8", **more)

    return change


def _inflates(file, path):
    file.create_dataset("a", (2**29,), "u1", chunks=(2**29,), compression="gzip", maxshape=(None,))


def _many_parts(file, path):
    for index in range(2001):
        file.create_group(str(index))


def _cycle(file, path):
    group = file.create_group("g")
    group["again"] = file["/"]
    group["a"] = np.zeros(3)


def _wide_dimension(file, path):
    scale = file.create_dataset("x", (2**40,), "f8", chunks=(1024,))
    scale.make_scale("x")


TEXT = "a long text " * 100_000


def _one_text_of_all(path, change):
    """Write texts by a function, and let all of them name the first one, which is long."""
    with h5py.File(path, "w") as file:
        change(file, [TEXT] + ["x"] * 39)
    content = path.read_bytes()
    at = content.index(struct.pack("<I", len(TEXT)))
    path.write_bytes(content[:at] + content[at : at + 16] * 40 + content[at + 640 :])


def _shared_text(path):
    def change(file, texts):
        file.create_dataset("a", data=texts, dtype=h5py.string_dtype())

    _one_text_of_all(path, change)


def _shared_attribute(path):
    def change(file, texts):
        file.attrs.create("a", texts, dtype=h5py.string_dtype())

    _one_text_of_all(path, change)


def _one_long_text(file, path):
    kind = h5py.string_dtype()
    texts = file.create_dataset("a", (90_000,), kind)
    texts[0] = "x" * 10**6


def _many_texts(file, path):
    file.create_dataset("a", (110_000,), h5py.string_dtype())


def _large_part_of_texts(file, path):
    kind = h5py.string_dtype()
    file.create_dataset("a", (90_000,), kind, chunks=(90_000,), compression="gzip")[0] = "x"


def _many_attributes(file, path):
    for group in range(21):
        made = file.create_group(str(group), track_order=True)
        for index in range(1000):
            h5py.h5a.create(made.id, b"%d" % index, h5py.h5t.STD_I8LE, h5py.h5s.create_simple((1,)))


def _many_dimensions(path):
    """Let the only axis have 10,000 dimensions."""
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros(3)).make_scale("x")
        axis = file.create_dataset("a", data=np.zeros(3))
        refs = np.empty(1, object)
        refs[0] = np.array([file["x"].ref] * 10_000, dtype=h5py.ref_dtype)
        kind = h5py.vlen_dtype(h5py.ref_dtype)
        axis.attrs.create("DIMENSION_LIST", refs, (1,), kind)


def _numbers_of_variable_length(file, path):
    file.create_dataset("a", (10,), h5py.vlen_dtype(np.float64))


def _damaged(start, step):
    def make(path):
        netcdf.save(xr.Dataset({"a": ("x", np.arange(500.0))}, attrs={"t": "text"}), path)
        content = bytearray(path.read_bytes())
        for place in range(start, min(len(content), 3000), step):
            content[place] ^= 0x5A
        path.write_bytes(content)

    return make


def _cut(length):
    def make(path):
        netcdf.save(xr.Dataset({"a": ("x", np.arange(500.0))}), path)
        path.write_bytes(path.read_bytes()[:length])

    return make


def _bytes(content):
    return lambda path: path.write_bytes(content)


def _npy(shape, kind="<f8", body=b""):
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + body


def _npy_object(path):
    np.save(path, np.array([{}, print], dtype=object), allow_pickle=True)


class Hostile:
    """Runs a function when it is unpickled."""

    def __reduce__(self):
        return print, ("run by a pickle",)


def _torch(found):
    return lambda path: torch.save(found, path)


def _compressed(path):
    torch.save(torch.zeros(2**22), path.with_suffix(".plain"))
    packed = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path.with_suffix(".plain")) as plain, packed:
        for part in plain.namelist():
            packed.writestr(part, plain.read(part))


def _damaged_pickle(old, new):
    """A state dictionary whose pickle has other bytes in one place."""

    def make(path):
        torch.save(torch.nn.Linear(2, 2).state_dict(), path.with_suffix(".plain"))
        with (
            zipfile.ZipFile(path.with_suffix(".plain")) as plain,
            zipfile.ZipFile(path, "w") as made,
        ):
            for part in plain.namelist():
                made.writestr(part, plain.read(part).replace(old, new))

    return make


def _old(path):
    torch.save(torch.zeros(3), path, _use_new_zipfile_serialization=False)


def _idx(shape, body=b""):
    return struct.pack(">HBB", 0, 8, len(shape)) + struct.pack(f">{len(shape)}I", *shape) + body


def _bomb(path):
    """Four megabytes that inflate to four gigabytes, made of one compressed part many times."""
    part = gzip.compress(bytes(2**24), 9)
    path.write_bytes(gzip.compress(_idx((60_000, 28, 28))) + 256 * part)


def _pickled(found, protocol=2):
    return _bytes(pickle.dumps(found, protocol=protocol))


NETCDF = {
    "external link": _h5(_external_link),
    "soft link": _h5(_soft_link),
    "external storage": _h5(_external_storage),
    "virtual": _h5(_virtual),
    "60,000 squared": _h5(_declares((60_000, 60_000))),
    "60,000 squared in parts": _h5(_declares((60_000, 60_000), chunks=(100, 100))),
    "60,000 squared compressed": _h5(
        _declares((60_000, 60_000), chunks=(100, 100), compression="gzip")
    ),
    "a large part": _h5(_inflates),
    "many parts": _h5(_many_parts),
    "cycle": _h5(_cycle),
    "wide dimension": _h5(_wide_dimension),
    "a text named 40 times": _shared_text,
    "a text named 40 times by an attribute": _shared_attribute,
    "one long text among short ones": _h5(_one_long_text),
    "many texts": _h5(_many_texts),
    "a large part of texts": _h5(_large_part_of_texts),
    "many attributes": _h5(_many_attributes),
    "an axis of many dimensions": _many_dimensions,
    "numbers of variable length": _h5(_numbers_of_variable_length),
    "empty": _bytes(b""),
    "text": _bytes(b"no netCDF at all\x1b[31m"),
    "magic only": _bytes(b"\x89HDF\r\n\x1a\n"),
    "magic and noise": _bytes(b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 40),
    "classic": _bytes(b"CDF\x01" + bytes(40)),
    **{f"cut at {length}": _cut(length) for length in (9, 100, 1000, 3000)},
    **{f"damaged from {start}": _damaged(start, 97) for start in (8, 40, 90, 200, 400, 700, 1500)},
}
"""Files `.nc`."""

ARRAYS = {
    "60,000 squared": _bytes(_npy((60_000, 60_000))),
    "larger than numbers": _bytes(_npy((2**62, 2**62))),
    "negative": _bytes(_npy((-1, 5), body=bytes(80))),
    "objects": _npy_object,
    "code in the header": _bytes(_npy("__import__('os').getcwd()")),
    "no header": _bytes(b"\x93NUMPY\x01\x00\xff\xff"),
    "a zip": _bytes(b"PK\x03\x04" + bytes(30)),
    "unknown type": _bytes(_npy((3,), "<f77", bytes(24))),
}
"""Files `.npy`."""

TENSORS = {
    "a class": _torch(Hostile()),
    "a module": _torch(torch.nn.Linear(2, 2)),
    "compressed": _compressed,
    "a repeated number": _torch(torch.zeros(1).expand(2**34)),
    "a repeated number within": _torch({"model": {"w": [torch.zeros(1).expand(2**34)]}}),
    "damaged text": _damaged_pickle(b"weight", b"w\x92ight"),
    "a damaged index": _damaged_pickle(b"h\x00", b"h\xee"),
    "of an old version": _old,
    "empty": _bytes(b""),
    "a pickle": _pickled(Hostile()),
    "a damaged zip": _bytes(b"PK\x03\x04" + bytes(100) + b"PK\x05\x06" + bytes(18)),
}
"""Files `.pt`."""

IDX = {
    "more than there is": _bytes(_idx((60_000, 28, 28), bytes(10))),
    "four gigabytes": _bytes(_idx((2**31, 2))),
    "many dimensions": _bytes(struct.pack(">HBB", 0, 8, 255)),
    "floats": _bytes(struct.pack(">HBBI", 0, 13, 1, 4)),
    "cut": _bytes(b"\0\0"),
}
"""Images of MNIST."""

IDX_GZ = {
    "a bomb": _bomb,
    "no gzip": _bytes(b"text"),
    "cut": _bytes(gzip.compress(bytes(999))[:30]),
}
"""Images of MNIST, compressed."""

BATCHES = {
    "a call": _pickled({b"data": Hostile(), b"labels": []}),
    "another class": _pickled({b"data": np.zeros((1, 3072), np.uint8), b"labels": Hostile()}),
    "a large array": _bytes(b"\x80\x02cnumpy\nndarray\n(J\x00\x00\x00\x7fJ\x00\x00\x00\x7ftR."),
    "a large memory": _bytes(b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"."),
    "a large memo": _bytes(b"\x80\x02K\x01r" + struct.pack("<I", 2**32 - 1) + b"."),
    "objects": _pickled({b"data": np.array([None]), b"labels": [0]}),
}
"""Batches of CIFAR-10."""
