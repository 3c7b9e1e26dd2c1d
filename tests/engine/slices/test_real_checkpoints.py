"""Checkpoints as Lightning and transformers write them, read as a path."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import cases
import landscape_core as lc

pytestmark = pytest.mark.filterwarnings("ignore")  # of other packages


def data():
    inputs, targets = cases.vectors(40)
    return inputs.float(), targets


@pytest.mark.parametrize("part", ["module", "net"])
def test_checkpoints_of_lightning_are_a_path(tmp_path, part):
    lightning = pytest.importorskip("lightning.pytorch")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3))

        def forward(self, inputs):
            return self.net(inputs)

        def training_step(self, batch, _):
            return cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), 0.01)

    module = Module()
    kept = lightning.callbacks.ModelCheckpoint(tmp_path / "kept", save_top_k=-1)
    trainer = lightning.Trainer(
        max_epochs=4, accelerator="cpu", callbacks=[kept], logger=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(TensorDataset(*data()), batch_size=8))
    model = module if part == "module" else module.net
    found = lc.landscape(model.eval(), cross_entropy, data(), path=tmp_path / "kept", resolution=3)
    inputs, targets = data()
    for file, loss in zip(lc.checkpoints(tmp_path / "kept").files, found["path_loss"], strict=True):
        one = Module()
        one.load_state_dict(torch.load(file, weights_only=True)["state_dict"])
        with torch.no_grad():
            expected = cross_entropy(one.eval()(inputs), targets).item()
        np.testing.assert_allclose(loss, expected, rtol=1e-6)


def objective(model, batch):
    return model(**batch).loss


@pytest.mark.parametrize("form", ["safetensors", "sharded", "bin"])
def test_a_network_with_tied_weights_that_transformers_saved(tmp_path, form):
    transformers = pytest.importorskip("transformers")
    settings = {"vocab_size": 30, "n_positions": 16, "n_embd": 8, "n_layer": 2, "n_head": 2}
    networks = [
        transformers.GPT2LMHeadModel(transformers.GPT2Config(**settings)).eval() for _ in range(3)
    ]
    for number, one in enumerate(networks):
        folder = tmp_path / f"checkpoint-{5 * number}"
        if form == "bin":
            folder.mkdir()
            torch.save(one.state_dict(), folder / "pytorch_model.bin")
        else:
            size = {"max_shard_size": "5KB"} if form == "sharded" else {}
            one.save_pretrained(folder, **size)
    ids = torch.randint(0, 30, (5, 7), generator=torch.Generator().manual_seed(0))
    batch = {"input_ids": ids, "labels": ids}
    found = lc.landscape(
        networks[-1], objective=objective, data=[batch], path=tmp_path, resolution=2
    )
    with torch.no_grad():
        expected = [objective(one, batch).item() for one in networks]
    np.testing.assert_allclose(found["path_loss"], expected, rtol=1e-6)
