"""Benchmarks: whole training steps and single ops, interleaved with PyTorch. Run with `autograd bench`."""
