"""Where work is done: in this process or on others, one file each."""
