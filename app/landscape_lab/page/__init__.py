"""The page: controller, layout, canvas."""
