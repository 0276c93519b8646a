"""Loss functions for NumPy arrays: value, gradient and Hessian in one fused, vectorised, threaded pass.

Example:
    >>> import numpy as np
    >>> import fusedloss as fl
    >>> logits = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    >>> labels = np.array([0, 1])
    >>> loss = fl.CrossEntropy(label_smoothing=0.1)
    >>> value, grad = loss.value_and_grad(logits, labels)
    >>> round(value, 6), grad.shape
    (0.477312, (2, 3))
"""

__version__ = "0.1.0"

from . import catalogue
from .backend import get_num_threads, num_threads, set_num_threads, show_config, use_backend
from .base import Loss
from .catalogue import *  # noqa: F403  the catalogue names what it exports
from .gradients import check_gradient, clip_grad_norm, clip_grad_value, grad_norm
from .kinds.sums import Sum
from .labels import class_weights, smooth_labels
from .losses.custom import Custom
from .losses.gan import (
    HingeGAN,
    LeastSquaresGAN,
    MinimaxGAN,
    NonSaturatingGAN,
    RelativisticGAN,
    WassersteinGAN,
    gradient_penalty,
)
from .losses.penalty import ElasticNet, L1Penalty, L2Penalty
from .paths import get_cmake_dir, get_include
from .registry import get, losses

__all__ = [
    "Custom",
    "ElasticNet",
    "HingeGAN",
    "L1Penalty",
    "L2Penalty",
    "LeastSquaresGAN",
    "Loss",
    "MinimaxGAN",
    "NonSaturatingGAN",
    "RelativisticGAN",
    "Sum",
    "WassersteinGAN",
    "check_gradient",
    "class_weights",
    "clip_grad_norm",
    "clip_grad_value",
    "get",
    "get_cmake_dir",
    "get_include",
    "get_num_threads",
    "grad_norm",
    "gradient_penalty",
    "losses",
    "num_threads",
    "set_num_threads",
    "show_config",
    "smooth_labels",
    "use_backend",
]
__all__ += catalogue.__all__
