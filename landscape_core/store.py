"""Datasets on disk under their key."""

import os
import tempfile
from pathlib import Path

import xarray as xr

from landscape_core.schema import load, save


class Store:
    def __init__(self, folder: Path, limit_mb: int = 512) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> xr.Dataset | None:
        p = self.folder / f"{key}.nc"
        return load(p) if p.is_file() else None

    def put(self, key: str, dataset: xr.Dataset) -> None:
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as f:
            pass
        save(dataset, Path(f.name))
        os.replace(f.name, self.folder / f"{key}.nc")
