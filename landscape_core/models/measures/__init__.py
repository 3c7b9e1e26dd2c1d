"""What is read at each point of a slice, one file each."""
