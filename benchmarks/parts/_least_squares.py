"""Least squares in float64, with its gradients in closed form."""

from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout


class LeastSquares(Objective):
    """The mean of ½ (⟨a, θ⟩ − b)² over examples, in float64."""

    def __init__(self, inputs, targets):
        self.inputs, self.targets = inputs, targets
        self.examples = len(inputs)
        self.layout = Layout.of_shapes({"theta": (inputs.shape[1],)})

    def loss(self, theta):
        return 0.5 * (self.inputs @ theta - self.targets).square().mean()

    def value_and_gradient(self, theta):
        off = self.inputs @ theta - self.targets
        return 0.5 * off.square().mean(), self.inputs.T @ off / self.examples

    def restricted(self, indices):
        return LeastSquares(self.inputs[indices], self.targets[indices])
