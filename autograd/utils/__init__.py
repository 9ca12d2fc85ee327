"""Exists so that `from autograd.utils.data import DataLoader` works as it does with PyTorch."""
