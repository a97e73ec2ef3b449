"""Exact integrals of the shapes over bins, as TensorFlow operations that can be differentiated.

They follow from the antiderivative at the edges of the bins: one graph for all bins, where zfit
would integrate bin by bin. An integral is unnormalised; for a spectrum, divide by the sum over its
range. Arguments are the edges and the parameters of `tau3mu.fit.shapes`, by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.backend import tf, znp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INTEGRALS"]

Tensor = Any  # TensorFlow has no type hints


def _crystal_ball(edges: Tensor, mu: Tensor, sigma: Tensor, alpha: Tensor, n: Tensor) -> Tensor:
    """Integrates exp(-t^2/2) above -|alpha| and the power law that continues it below.

    With t = (x - mu) / sigma, mirrored for a negative alpha, and r = n / |alpha|, the law is
    exp(-alpha^2/2) * ((r - |alpha| - t) / r)^-n.
    """
    t = (edges - mu) / sigma * tf.sign(alpha)
    start = -znp.abs(alpha)
    r = n / znp.abs(alpha)
    core = np.sqrt(np.pi / 2) * tf.math.erf(znp.maximum(t, start) / np.sqrt(2))
    distance = znp.log((r + start - znp.minimum(t, start)) / r)
    # The integral of exp((1 - n) * distance), also at n = 1, where it is the distance itself.
    y = (1 - n) * distance
    log_like = znp.abs(y) < 1e-8
    divisor = znp.where(log_like, znp.ones_like(y), 1 - n)  # both branches are differentiated
    tail = znp.where(log_like, distance * (1 + y / 2), tf.math.expm1(y) / divisor)
    antiderivative = core - znp.exp(-alpha * alpha / 2) * r * tail
    return sigma * znp.abs(antiderivative[1:] - antiderivative[:-1])


def _exponential(edges: Tensor, slope: Tensor) -> Tensor:
    """Integrates exp(slope * x), with x from the middle of the range.

    It is width * exp(slope * centre) * sinh(y) / y with y = slope * width / 2.
    """
    width = edges[1:] - edges[:-1]
    centre = (edges[1:] + edges[:-1] - edges[0] - edges[-1]) / 2
    y = slope * width / 2
    flat = znp.abs(y) < 1e-4
    safe = znp.where(flat, znp.ones_like(y), y)  # both branches are differentiated
    ratio = znp.where(flat, 1 + y * y / 6, tf.math.sinh(safe) / safe)
    return width * znp.exp(slope * centre) * ratio


INTEGRALS: dict[str, Callable[..., Tensor]] = {
    "CrystalBall": _crystal_ball,
    "Exponential": _exponential,
}
