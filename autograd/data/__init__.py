"""Datasets, samplers and the loader that feeds a training loop (PyTorch's `torch.utils.data`, batch-first)."""

from autograd.data.collate import default_collate, default_convert
from autograd.data.dataset import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from autograd.data.loader import DataLoader
from autograd.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler
from autograd.data.seeds import PerSample
from autograd.shapes import names_only

__all__ = [
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "PerSample",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "default_collate",
    "default_convert",
    "random_split",
]

__getattr__ = names_only("autograd.data", __all__)
