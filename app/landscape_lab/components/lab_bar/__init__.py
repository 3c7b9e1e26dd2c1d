"""The component `lab_bar`."""
