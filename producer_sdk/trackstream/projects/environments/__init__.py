"""What programs run in on a machine without containers: virtual environments, and conda's."""
