"""What holds for all tests. The engine is not imported here: pytest reads this file before it turns
on the checking of shapes, which covers only what is imported later."""

import torch
from hypothesis import settings

# One thread: the sums of a test then have one order, and two workers do not fight over two cores.
torch.set_num_threads(1)

# The same examples every time, no record of failures on disk, no deadline on a busy machine.
settings.register_profile("landscape", derandomize=True, database=None, deadline=None)
settings.load_profile("landscape")
