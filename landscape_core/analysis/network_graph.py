"""The graph of a node classifier: its nodes with their classes, as known and as predicted."""

import numpy as np
import torch
import xarray as xr

from landscape_core.analysis.graph_layout import node_positions
from landscape_core.analysis.network_dataset import NetworkPoint, column, network_dataset
from landscape_core.models.datasets.base import Split
from landscape_core.models.graph_convolution import GCN
from landscape_core.models.losses.base import Loss
from landscape_core.models.network_objective import ModelObjective

MOST_NODES = 500
"""Nodes that are drawn, at most: the first ones, with the edges among them."""


class GraphView:
    """The graph of a GCN; positions are computed once."""

    def __init__(self, objective: ModelObjective, network: GCN, data: Split) -> None:
        """Read the graph and place its nodes."""
        self._objective = objective
        labels = torch.cat([data.train.targets, data.test.targets])
        nodes = torch.cat([data.train.inputs, data.test.inputs])
        count = min(len(nodes), MOST_NODES)
        self._all, self._nodes = len(nodes), torch.arange(count)
        self._labels = torch.empty_like(labels)
        self._labels[nodes] = labels
        self._labelled = torch.zeros(len(nodes), dtype=torch.bool)
        self._labelled[data.train.inputs] = True
        among = network.adjacency.detach().cpu()[:count, :count]
        self._edges = (torch.triu(among, 1) != 0).nonzero().numpy()
        self._places = node_positions(self._edges, self._labels[:count].numpy())

    def at(self, point: NetworkPoint) -> xr.Dataset:
        """The dataset of the kind `graph`; `misread` of all nodes are not predicted right."""
        part, loss = self._objective.with_buffers(point.buffers), self._objective.loss_function
        assert isinstance(loss, Loss)  # asked before
        nodes = torch.arange(self._all, device=point.theta.device)
        with torch.no_grad():
            outputs = part.outputs(point.theta, nodes)
            predicted = loss.predict(outputs).cpu()
            probability = loss.probabilities(outputs).amax(-1).cpu()
        few, per = len(self._nodes), ("node",)
        columns = {
            "x": column(per, self._places[:, 0], "1", "position"),
            "y": column(per, self._places[:, 1], "1", "position"),
            "label": column(per, self._labels[:few], "1", "class of the node"),
            "predicted": column(per, predicted[:few], "1", "predicted class"),
            "probability": column(per, probability[:few], "1", "of the predicted class"),
            "labelled": column(per, self._labelled[:few], "1", "whether it is a training node"),
            "edge": column(("link", "end"), self._edges.astype(np.int64), "1", "nodes of an edge"),
        }
        wrong = predicted != self._labels
        return network_dataset(
            "graph", columns, nodes=self._all, misread=int(wrong.sum()),
            misread_test=int((wrong & ~self._labelled).sum()),
            test_nodes=int((~self._labelled).sum()),
        )  # fmt: skip
