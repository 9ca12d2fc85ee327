"""Models for pictures, by name (`get_model`) or by function (`resnet20()`), with torchvision's names of layers."""

from autograd.vision.models.alexnet import AlexNet, alexnet
from autograd.vision.models.digits_cnn import DigitsCNN, digits_cnn
from autograd.vision.models.googlenet import GoogLeNet, googlenet
from autograd.vision.models.lenet import LeNet5, lenet5
from autograd.vision.models.mlp import MLP, mlp
from autograd.vision.models.registry import Entry, get_model, list_models, model_entry, register_model
from autograd.vision.models.resnet_cifar import CifarResNet, resnet20
from autograd.vision.models.small_cnn import SmallCNN, small_cnn
from autograd.vision.models.vgg import VGG, vgg11, vgg11_bn

__all__ = [
    "MLP", "VGG", "AlexNet", "CifarResNet", "DigitsCNN", "Entry", "GoogLeNet", "LeNet5", "SmallCNN", "alexnet",
    "digits_cnn", "get_model", "googlenet", "lenet5", "list_models", "mlp", "model_entry", "register_model", "resnet20",
    "small_cnn", "vgg11", "vgg11_bn",
]  # fmt: skip
