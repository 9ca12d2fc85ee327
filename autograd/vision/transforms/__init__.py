"""Transforms of image batches (N, C, H, W), on NumPy arrays of any dtype.

They are called as `transform(images, seeds)`. The loader gives the seeds, one row per sample
(:mod:`autograd.data.seeds`), and all randomness follows from them: in one epoch a picture gets the same augmentation in
whatever batch and worker it lands. Transforms without randomness may be called without seeds.

    augment = Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(), Normalize(data.mean, data.std)])
    loader = DataLoader(data, 128, shuffle=True, transform=augment)
"""

from autograd.vision.transforms.basic import Compose, Normalize, ToFloat, ToTensor, Transform
from autograd.vision.transforms.colour import (
    ColorJitter,
    Grayscale,
    RandomErasing,
    RandomGrayscale,
)
from autograd.vision.transforms.crop import (
    CenterCrop,
    Pad,
    RandomCrop,
    RandomHorizontalFlip,
    RandomShift,
    RandomVerticalFlip,
)
from autograd.vision.transforms.mix import CutMix, MixUp
from autograd.vision.transforms.policy import RandAugment
from autograd.vision.transforms.warp import RandomAffine, RandomResizedCrop, RandomRotation, Resize

__all__ = [
    "CenterCrop", "ColorJitter", "Compose", "CutMix", "Grayscale", "MixUp", "Normalize", "Pad", "RandAugment",
    "RandomAffine", "RandomCrop", "RandomErasing", "RandomGrayscale", "RandomHorizontalFlip", "RandomResizedCrop",
    "RandomRotation", "RandomShift", "RandomVerticalFlip", "Resize", "ToFloat", "ToTensor", "Transform",
]  # fmt: skip
