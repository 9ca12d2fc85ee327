"""What a trained classifier looks at, where it fails, and whether it is in good health.

Attributions take (model, images (N, C, H, W), classes (N,) or None for the predicted ones) and give maps; the model
works in evaluation mode and is left as it was.

    heat = explain.grad_cam(model, images)
    explain.save_png("cam.png", explain.overlay(images[0], heat[0]))
"""

from autograd.explain.attributions import integrated_gradients, occlusion, probabilities, saliency, smooth_grad
from autograd.explain.cam import activations, grad_cam, grad_cam_plus_plus, last_spatial_layer
from autograd.explain.health import LayerHealth, examine
from autograd.explain.neighbours import embed, nearest
from autograd.explain.pictures import as_rgb, colours, feature_maps, filters, grid, overlay, save_png
from autograd.train.scores import Calibration, auc, calibration, roc_curve, top_losses

__all__ = [
    "Calibration",
    "LayerHealth",
    "activations",
    "as_rgb",
    "auc",
    "calibration",
    "colours",
    "embed",
    "examine",
    "feature_maps",
    "filters",
    "grad_cam",
    "grad_cam_plus_plus",
    "grid",
    "integrated_gradients",
    "last_spatial_layer",
    "nearest",
    "occlusion",
    "overlay",
    "probabilities",
    "roc_curve",
    "saliency",
    "save_png",
    "smooth_grad",
    "top_losses",
]
