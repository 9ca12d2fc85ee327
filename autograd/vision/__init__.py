"""Images: datasets, transforms, models, and pictures of batches (utils)."""

from autograd.vision import datasets, models, transforms, utils

__all__ = ["datasets", "models", "transforms", "utils"]
