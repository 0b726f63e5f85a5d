"""Internal modules: the MXNet import, devices, validation, the training loop, checkpoints, and sweeps."""
