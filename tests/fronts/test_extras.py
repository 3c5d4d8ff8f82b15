"""Where a package is missing, the message names the extra that brings it."""

from importlib import import_module, metadata

import numpy as np
import pytest

from mixot import UnsupportedError, extras, io
from mixot.io import Picture
from mixot.io.h5ad import _opened

GREY = np.zeros((3, 4), np.uint16)
CALLS = [
    ("PIL.Image", "image", "p.png", lambda path: io.read_picture(path)),
    ("PIL.Image", "image", "q.jpg", lambda path: io.write_picture(path, Picture(GREY))),
    ("tifffile", "image", "p.tif", lambda path: io.read_picture(path)),
    ("PIL.Image", "image", "q.tif", lambda path: io.write_picture(path, Picture(GREY))),
    ("pyarrow.parquet", "table", "t.parquet", lambda path: io.read_table(path)),
    ("pyarrow", "table", "u.parquet", lambda path: io.write_table(path, np.eye(2))),
    ("pyarrow.parquet", "table", "u.parquet", lambda path: io.write_table(path, np.eye(2))),
    ("h5py", "anndata", "c.h5ad", lambda path: _opened(path).__enter__()),
]


@pytest.mark.parametrize(("missing", "extra", "name", "call"), CALLS)
def test_a_package_that_is_missing(missing, extra, name, call, tmp_path, monkeypatch):
    io.write_table(tmp_path / "t.parquet", np.eye(2))
    for written in ("p.png", "p.tif"):
        io.write_picture(tmp_path / written, Picture(GREY))

    def without(module):
        if module == missing:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return import_module(module)

    monkeypatch.setattr(extras, "import_module", without)
    with pytest.raises(UnsupportedError, match=rf"pip install \"mixot\[{extra}\]\"$"):
        call(tmp_path / name)
    assert extra in metadata.metadata("mixot").get_all("Provides-Extra")
