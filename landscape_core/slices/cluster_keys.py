"""Keys that let nobody else on the machine talk to the workers of a cluster.

A scheduler runs what it is sent, so one that stays for long must know whom it listens to: here
all ends share one certificate that was made for them, and accept no other.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from landscape_core.foundation.errors import BackendError

if TYPE_CHECKING:
    from distributed import Security

MAKE = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
    *("-nodes", "-days", "3650", "-subj", "/CN=landscape"),
)


@dataclass(frozen=True, repr=False)
class Keys:
    """A certificate and its key, as PEM text."""

    certificate: str
    key: str

    def security(self) -> "Security":
        """What clusters and clients take."""
        from distributed import Security

        ends = ("client", "scheduler", "worker")
        certificates = {f"tls_{end}_cert": self.certificate for end in ends}
        keys = {f"tls_{end}_key": self.key for end in ends}
        return Security(
            require_encryption=True, tls_ca_file=self.certificate, **certificates, **keys
        )


def new_keys() -> Keys:
    """Keys that nobody else has.

    Raises:
        BackendError: there is no `openssl` to make them.
    """
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key"), Path(folder, "certificate")
        made = [*MAKE, "-keyout", str(key), "-out", str(certificate)]
        try:
            subprocess.run(made, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BackendError("openssl, which makes the keys of a cluster, is missing.") from error
        return Keys(certificate.read_text(), key.read_text())
