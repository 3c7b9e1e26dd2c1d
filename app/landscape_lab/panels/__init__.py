"""What can stand beside the landscape: one file each, found by its name."""
