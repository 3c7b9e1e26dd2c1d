"""The worker's part of the processor."""

import pytest
import torch

from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.spirals import Spirals
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.run import Run
from landscape_lab.state.place import Place
from landscape_lab.state.scene import Scene
from landscape_lab.worker import worker as module
from landscape_lab.worker.worker import Job, Worker

SMALL = Supervised(dataset=Spirals(points=60), architecture=MLP(width=4, depth=1))
RUN = Run(problem=SMALL, steps=2)


@pytest.fixture(autouse=True)
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("light", "threads"), [(module.LIGHT, 1), (1.0, 2)])
def test_a_small_network_is_computed_on_one_thread_and_all_are_given_back(
    light, threads, monkeypatch
):
    monkeypatch.setattr(module, "LIGHT", light)
    there, used = Place("", Scene(run=RUN), 2), set()
    for update in Worker(None).do(Job(there.scene, go=there)):
        used |= {torch.get_num_threads(), int(update.picture.slice.attrs["threads"])}
    assert used == {threads}
    assert torch.get_num_threads() == 2


def test_a_file_is_made_on_as_many_threads_as_the_pictures(monkeypatch):
    class Film:
        def made(self, shown):
            yield torch.get_num_threads()
            yield int(shown.session.picture(1.0).slice.attrs["threads"])

    monkeypatch.setattr(module, "kinds", lambda: {"film": Film})
    worker, there = Worker(None), Place("", Scene(run=RUN), 2)
    *_, update = worker.do(Job(there.scene, go=there))
    assert list(worker.export("film", there, update.picture)) == [1, 1]
    assert torch.get_num_threads() == 2
