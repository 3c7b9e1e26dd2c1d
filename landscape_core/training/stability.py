"""The largest Hessian eigenvalue at which steps of gradient descent are stable."""

from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run
from landscape_core.training.schedules.constant import Constant


def stability_bound(run: Run) -> float | None:
    """The stability threshold 2/η of gradient descent; None for other optimizers."""
    if (
        not isinstance(run.optimizer, SGD)
        or run.schedule != Constant()
        or run.optimizer.weight_decay
    ):
        return None
    return 2 / run.optimizer.learning_rate
