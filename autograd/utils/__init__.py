"""PyTorch's import paths `autograd.utils.data` and `autograd.utils.checkpoint`."""
