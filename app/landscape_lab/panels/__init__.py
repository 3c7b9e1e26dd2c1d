"""Side panels of the landscape, one file each."""
