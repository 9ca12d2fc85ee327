"""Images: datasets, transforms, models, and pictures of batches (utils)."""

from autograd.vision import datasets, transforms, utils

__all__ = ["datasets", "transforms", "utils"]
