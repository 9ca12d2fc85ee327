"""Models for pictures, by name (`get_model`) or by function (`resnet20()`), with torchvision's names of layers."""

from autograd.vision.models.alexnet import AlexNet, alexnet
from autograd.vision.models.convnext import ConvNeXt, convnext_base, convnext_large, convnext_small, convnext_tiny
from autograd.vision.models.densenet import DenseNet, densenet121, densenet161, densenet169, densenet201
from autograd.vision.models.digits_cnn import DigitsCNN, digits_cnn
from autograd.vision.models.efficientnet import (
    EfficientNet,
    efficientnet_b0,
    efficientnet_b1,
    efficientnet_b2,
    efficientnet_b3,
    efficientnet_b4,
    efficientnet_b5,
    efficientnet_b6,
    efficientnet_b7,
)
from autograd.vision.models.googlenet import GoogLeNet, GoogLeNetOutputs, googlenet
from autograd.vision.models.inception import Inception3, InceptionOutputs, inception_v3
from autograd.vision.models.lenet import LeNet5, lenet5
from autograd.vision.models.mlp import MLP, mlp
from autograd.vision.models.mobilenet_v2 import MobileNetV2, mobilenet_v2
from autograd.vision.models.mobilenet_v3 import MobileNetV3, mobilenet_v3_large, mobilenet_v3_small
from autograd.vision.models.registry import Entry, get_model, list_models, model_entry, register_model
from autograd.vision.models.resnet import (
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
    resnext101_32x8d,
    resnext101_64x4d,
    wide_resnet50_2,
    wide_resnet101_2,
)
from autograd.vision.models.resnet9 import ResNet9, resnet9
from autograd.vision.models.resnet_cifar import CifarResNet, resnet20, resnet32, resnet44, resnet56, resnet110
from autograd.vision.models.shufflenet_v2 import (
    ShuffleNetV2,
    shufflenet_v2_x0_5,
    shufflenet_v2_x1_0,
    shufflenet_v2_x1_5,
    shufflenet_v2_x2_0,
)
from autograd.vision.models.small_cnn import SmallCNN, small_cnn
from autograd.vision.models.squeezenet import SqueezeNet, squeezenet1_0, squeezenet1_1
from autograd.vision.models.vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from autograd.vision.models.vit import VisionTransformer, vit_b_16, vit_b_32, vit_l_16, vit_l_32
from autograd.vision.models.weights import load_weights

__all__ = [
    "MLP",
    "VGG",
    "AlexNet",
    "CifarResNet",
    "ConvNeXt",
    "DenseNet",
    "DigitsCNN",
    "EfficientNet",
    "Entry",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "Inception3",
    "InceptionOutputs",
    "LeNet5",
    "MobileNetV2",
    "MobileNetV3",
    "ResNet",
    "ResNet9",
    "ShuffleNetV2",
    "SmallCNN",
    "SqueezeNet",
    "VisionTransformer",
    "alexnet",
    "convnext_base",
    "convnext_large",
    "convnext_small",
    "convnext_tiny",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "digits_cnn",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
    "efficientnet_b4",
    "efficientnet_b5",
    "efficientnet_b6",
    "efficientnet_b7",
    "get_model",
    "googlenet",
    "inception_v3",
    "lenet5",
    "list_models",
    "load_weights",
    "mlp",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "model_entry",
    "register_model",
    "resnet9",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet44",
    "resnet50",
    "resnet56",
    "resnet101",
    "resnet110",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5",
    "shufflenet_v2_x2_0",
    "small_cnn",
    "squeezenet1_0",
    "squeezenet1_1",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "vit_b_16",
    "vit_b_32",
    "vit_l_16",
    "vit_l_32",
    "wide_resnet50_2",
    "wide_resnet101_2",
]  # fmt: skip
