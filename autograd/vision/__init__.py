"""Images: datasets and transforms."""

from autograd.vision import datasets, transforms

__all__ = ["datasets", "transforms"]
