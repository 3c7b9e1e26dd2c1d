"""Problems to minimize, one file each."""
