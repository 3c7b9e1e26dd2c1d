"""PyHessian 0.1: its eigenvalues, trace and density on one batch.

Its `density` ends in `torch.eig`, which torch has removed: a stand-in of the same form, made of
`torch.linalg.eigh`, takes its place, as the matrix is symmetric. Nothing else is changed; its
function for a product is wrapped to be counted.
"""

import numpy as np
import torch
from pyhessian import hessian as module_or_class

from peers.curvature_tasks import Tasks, answer

if not isinstance(module_or_class, type):
    module_or_class = module_or_class.hessian

COUNT = [0]
NAMES = module_or_class.eigenvalues.__globals__
ORIGINAL = NAMES["hessian_vector_product"]


def counted(*given):
    COUNT[0] += 1
    return ORIGINAL(*given)


def eig(matrix, *, eigenvectors):
    """What `torch.eig` gave: values (n, 2) with zero imaginary parts, and vectors."""
    values, vectors = torch.linalg.eigh(matrix)
    return torch.stack([values, torch.zeros_like(values)], dim=1), vectors


NAMES["hessian_vector_product"] = counted
torch.eig = eig


def tasks(network, inputs, targets) -> Tasks:
    criterion = torch.nn.CrossEntropyLoss()

    def made():
        COUNT[0] = 0
        network.zero_grad(set_to_none=True)
        return module_or_class(network, criterion, data=(inputs, targets), cuda=False)

    def eigenvalues(tolerance, most=100):
        values, vectors = made().eigenvalues(maxIter=most, tol=tolerance, top_n=5)
        flat = torch.stack([torch.cat([p.reshape(-1) for p in v]) for v in vectors])
        return torch.tensor(values), flat, COUNT[0]

    def trace(probes):
        found = made().trace(maxIter=probes, tol=0.0)
        return sum(found) / len(found)

    def density(probes, steps):
        nodes, weights = made().density(iter=steps, n_v=probes)
        return np.array(nodes), np.array(weights)

    return Tasks(eigenvalues, trace, density)


if __name__ == "__main__":
    answer(tasks)
