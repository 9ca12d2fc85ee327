"""Sequences of different lengths: padded to one length, or packed step by step, as torch.nn.utils.rnn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.errors import ShapeError
from autograd.nn import functional as F
from autograd.ops.linalg import tensor_of
from autograd.tensor import Tensor


class PackedSequence(NamedTuple):
    """Sequences from the longest to the shortest: all their first elements, all second ones, ...

    batch_sizes counts how many sequences have a first element, a second one, ... sorted_indices says which of the
    caller's sequences comes first, second, ...; unsorted_indices is its inverse. Both are None if they came in order.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Of every sequence, from the longest to the shortest."""
        sizes = self.batch_sizes.array
        return (sizes[:, None] > np.arange(sizes[0])).sum(0)


def pad_sequence(
    sequences: Iterable[Any], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Tensors (L_n, *) as one: (L, N, *), L the longest of L_n, or (N, L, *) if batch_first. Differentiable."""
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side must be 'left' or 'right', got {padding_side!r}")
    parts = [tensor_of(s) for s in sequences]
    if not parts:
        raise ValueError("pad_sequence: expected at least one sequence, got none")
    if any(p.ndim == 0 or p.shape[1:] != parts[0].shape[1:] for p in parts):
        shapes = [p.shape for p in parts]
        raise ShapeError(f"pad_sequence: all but the first axis must agree, got shapes {shapes}")
    longest = max(len(p) for p in parts)
    before = padding_side == "left"
    padded = []
    for p in parts:
        gap = longest - len(p)
        sides = [0, 0] * (p.ndim - 1) + ([gap, 0] if before else [0, gap])
        padded.append(F.pad(p, sides, value=padding_value) if gap else p)
    return F.stack(padded, 0 if batch_first else 1)  # type: ignore[no-any-return]


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences that pad_sequence got."""
    padded = tensor_of(padded_sequences)
    padded = padded if batch_first else padded.transpose(0, 1)
    return [padded[i, :length] for i, length in enumerate(_as_lengths("unpad_sequence", lengths, *padded.shape[:2]))]


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Packs (L, N, *), or (N, L, *) if batch_first, with the length of each of the N sequences.

    enforce_sorted: the sequences come from the longest to the shortest; otherwise they are sorted here.
    """
    padded = tensor_of(input)
    if padded.ndim < 2:
        raise ShapeError(f"pack_padded_sequence: expected (L, N, *), got {padded.shape}")
    padded = padded.transpose(0, 1) if batch_first else padded
    sizes = _as_lengths("pack_padded_sequence", lengths, padded.shape[1], padded.shape[0])
    order = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes, padded = sizes[order], padded[:, order]
    elif (np.diff(sizes) > 0).any():
        raise ValueError(
            "pack_padded_sequence: lengths must not increase; sort the sequences, or pass enforce_sorted=False  "
            f"[lengths: {sizes.tolist()}]"
        )
    exists = np.arange(sizes[0])[:, None] < sizes
    data = padded[: sizes[0]][exists]
    indices = () if order is None else (Tensor(order), Tensor(np.argsort(order)))
    return PackedSequence(data, Tensor(exists.sum(1)), *indices)


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Packs tensors (L_n, *)."""
    lengths = [len(s) for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The padded sequences in the order in which they were packed, and their lengths. total_length: pad up to it."""
    padded, sizes = unpack(sequence, padding_value)
    longest = len(padded)
    if total_length is not None and total_length < longest:
        raise ValueError(f"pad_packed_sequence: total_length={total_length} is below the longest sequence, {longest}")
    if total_length is not None and total_length > longest:
        padded = F.pad(padded, [0, 0] * (padded.ndim - 1) + [0, total_length - longest], value=padding_value)
    if sequence.unsorted_indices is not None:
        back = sequence.unsorted_indices.array
        padded, sizes = padded[:, back], sizes[back]
    return padded.transpose(0, 1) if batch_first else padded, Tensor(sizes)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that pack_sequence got."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences))


def unpack(sequence: PackedSequence, padding_value: float = 0.0) -> tuple[Tensor, np.ndarray]:
    """(L, N, *) and the lengths, from the longest to the shortest."""
    sizes = sequence.batch_sizes.array
    exists = np.arange(sizes[0]) < sizes[:, None]
    # Element i of the data, or the one number after all data: the padding.
    places = np.full(exists.shape, len(sequence.data))
    places[exists] = np.arange(len(sequence.data))
    padding = Tensor(np.full((1, *sequence.data.shape[1:]), padding_value, sequence.data.dtype))
    return F.cat([sequence.data, padding], 0)[places], sequence.lengths


def _as_lengths(name: str, lengths: Any, batch: int, longest: int) -> np.ndarray:
    found = np.asarray(lengths)
    if found.shape != (batch,) or found.dtype.kind not in "iu":
        raise ShapeError(f"{name}: expected the lengths of {batch} sequences as integers, got {lengths!r}")
    if not ((found >= 1) & (found <= longest)).all():
        raise ShapeError(f"{name}: every length must be from 1 to {longest}, got {found.tolist()}")
    return found.astype(np.int64)
