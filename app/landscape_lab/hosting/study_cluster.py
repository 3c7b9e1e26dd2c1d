"""The processes in which a server computes what takes long, at low priority.

    python -m landscape_lab.hosting.study_cluster COUNT BYTES

starts a scheduler with this number of workers, says where on its standard output, and stays.
"""

import json
import logging
import os
import sys
import threading

from landscape_core.slices.backends.dask import local_cluster
from landscape_core.slices.cluster_keys import new_keys

LOWER = 10
"""How much lower the priority is than that of the pages: they get nine tenths of a full core."""


def main(argv: list[str]) -> None:
    """Start what the command line says, until the process is ended."""
    count, memory = (int(word) for word in argv)
    if hasattr(os, "nice"):
        os.nice(LOWER)
    logging.getLogger("distributed.scheduler").setLevel(logging.CRITICAL)  # the pages say it
    keys = new_keys()
    with local_cluster(count, memory=memory, keys=keys) as address:
        reported = {"address": address, "certificate": keys.certificate, "key": keys.key}
        sys.stdout.write(f"{json.dumps(reported)}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
