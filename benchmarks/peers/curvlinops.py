"""curvlinops 3.0.1: its Hessian with SciPy's `eigsh` as its manual says, and its trace."""

import torch
from curvlinops import HessianLinearOperator, hutchinson_trace
from scipy.sparse.linalg import eigsh

from peers.curvature_tasks import Tasks, answer


def tasks(network, inputs, targets) -> Tasks:
    parameters = list(network.parameters())

    def made():
        loss = torch.nn.CrossEntropyLoss()
        data = [(inputs, targets)]
        return HessianLinearOperator(network, loss, parameters, data, check_deterministic=False)

    def eigenvalues(tolerance):
        values, vectors = eigsh(made().to_scipy(), k=5, which="LA", tol=tolerance)
        order = (-values).argsort()
        return torch.from_numpy(values[order]), torch.from_numpy(vectors.T[order].copy()), -1

    def trace(probes, together=None):
        """Its own function multiplies all probes at once; several calls need less memory."""
        together = together or probes
        counts = [min(together, probes - start) for start in range(0, probes, together)]
        hessian = made()
        return sum(n * float(hutchinson_trace(hessian, n)) for n in counts) / probes

    return Tasks(eigenvalues, trace, None)


if __name__ == "__main__":
    answer(tasks)
