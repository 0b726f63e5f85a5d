"""CUDA's libraries, loaded from wheels before MXNet asks for them."""


def load_libraries():
    """Do nothing yet."""
