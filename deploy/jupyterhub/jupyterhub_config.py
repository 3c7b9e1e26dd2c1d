"""JupyterHub: each user gets Landscape Lab, in a server of their own behind the hub's login.

    jupyterhub --config deploy/jupyterhub/jupyterhub_config.py

The hub signs users in and forwards `/user/NAME/` to their server; Voila runs there as an extension
of Jupyter Server and renders the app, so that no page is reachable without the hub's login. Add the
authenticator and the spawner of your institution: nothing below depends on them.

`landscape` must be on the path of the hub (or be named by LANDSCAPE_COMMAND), with Landscape Lab
installed where the users' servers run.
"""

import os
import shlex
import subprocess
from pathlib import Path

c = get_config()  # JupyterHub provides it


def landscape_paths() -> dict[str, str]:
    """The folders of the app, as `landscape paths` prints them."""
    command = [*shlex.split(os.environ.get("LANDSCAPE_COMMAND", "landscape")), "paths"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {
        name: shlex.split(value)[0] for name, _, value in (line.partition("=") for line in lines)
    }


paths = landscape_paths()
notebook = Path(paths["NOTEBOOK"])

c.Spawner.cmd = ["jupyterhub-singleuser"]
c.Spawner.notebook_dir = str(notebook.parent)
c.Spawner.default_url = f"/voila/render/{notebook.name}"
c.Spawner.args = [
    # As many kernels as memory and processors bear; later pages are told so.
    "--ServerApp.kernel_manager_class=landscape_lab.hosting.limits.BoundedKernels",
    # Foreign pages and prefetching browsers start nothing.
    "--ServerApp.jpserver_extensions={'landscape_lab.hosting.jupyter_extension': True}",
    # A closed page gives its memory back.
    "--MappingKernelManager.cull_idle_timeout=90",
    "--MappingKernelManager.cull_interval=20",
    "--MappingKernelManager.cull_connected=False",
]
c.Spawner.environment = {
    "JUPYTER_PATH": paths["TEMPLATES"],
    "JUPYTER_CONFIG_PATH": paths["SETTINGS"],
    "OMP_NUM_THREADS": "1",
}
# A kernel takes 400 to 460 MB, and there is the server. Enforced by spawners that can limit memory.
c.Spawner.mem_limit = "1G"
c.Spawner.cpu_limit = 2
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120  # the default of 30 s is short on a busy machine
