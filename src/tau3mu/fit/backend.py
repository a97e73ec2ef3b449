"""zfit and TensorFlow, imported in one place and without their noise.

Importing this takes seconds: only modules that fit do so, and they are imported when a fit begins.
"""

from __future__ import annotations

import os
import warnings

os.environ.setdefault("ZFIT_DISABLE_TF_WARNINGS", "1")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import zfit
    import zfit.z.numpy as znp

# TensorFlow comes second, since zfit imports it with its messages turned off.
import tensorflow as tf  # type: ignore[import-untyped]
from iminuit import Minuit  # type: ignore[import-untyped]

__all__ = ["Minuit", "tf", "zfit", "znp"]
