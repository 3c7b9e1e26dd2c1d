"""Methods that connect two minima by a low-loss path, one file each."""
