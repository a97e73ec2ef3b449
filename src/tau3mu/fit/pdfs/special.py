"""Functions that NumPy does not have: from SciPy for its arrays, from TensorFlow for tensors.

Each is told by `xp` which of the two it has to do with, as the formulas are.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tau3mu.fit.pdfs.pdf import Array

__all__ = ["bin_index", "erfc_exp", "sinh_ratio", "voigt"]

_TERMS = 64


def erfc_exp(u: Array, exponent: Array, xp: Any) -> Array:
    """Returns erfc(u) * exp(exponent), also where one of the two under- or overflows."""
    above = xp.where(u > 0, u, 0.0)
    below = xp.where(u > 0, 0.0, u)
    if xp is np:
        from scipy.special import erfc, erfcx
    else:
        from tensorflow_probability.python.math import erfcx  # type: ignore[import-untyped]

        from tau3mu.fit.backend import tf

        erfc = tf.math.erfc
    return xp.exp(exponent - above * above) * erfcx(above) * erfc(below)


def sinh_ratio(y: Array, xp: Any) -> Array:
    """Returns sinh(y) / y, also at zero."""
    small = xp.abs(y) < 1e-2
    safe = xp.where(small, 1.0, y)
    square = y * y
    return xp.where(small, 1 + square / 6 * (1 + square / 20), xp.sinh(safe) / safe)


def bin_index(edges: np.ndarray, x: Array, xp: Any) -> Array:
    """Returns the number of the bin of each `x`; -1 below the first edge.

    Bins include their lower edge; the last edge and all above have the number of bins.
    """
    if xp is np:
        return np.searchsorted(edges, x, side="right") - 1
    from tau3mu.fit.backend import tf

    flat = tf.searchsorted(tf.constant(edges, x.dtype), tf.reshape(x, [-1]), side="right")
    return tf.reshape(flat - 1, tf.shape(x))


def voigt(x: Array, sigma: Array, gamma: Array, xp: Any) -> Array:
    """Returns a Cauchy density convolved with a normal density, normalized over all `x`.

    TensorFlow has no Faddeeva function. For tensors it is Weideman's rational expansion (SIAM
    J. Numer. Anal. 31 (1994) 1497): right to 1e-13 of the value at the peak.
    """
    if xp is np:
        from scipy.special import voigt_profile

        return voigt_profile(x, sigma, gamma)
    from tau3mu.fit.backend import tf

    scale, coefficients = _weideman()
    unit = tf.cast(np.sqrt(2) * sigma, tf.float64)
    # i z for z = (x + i gamma) / (sqrt(2) sigma)
    iz = tf.complex(-gamma / unit * tf.ones_like(x), x / unit)
    ratio = (scale + iz) / (scale - iz)
    series = tf.math.polyval([tf.constant(c, tf.complex128) for c in coefficients], ratio)
    w = 2 * series / (scale - iz) ** 2 + 1 / np.sqrt(np.pi) / (scale - iz)
    return tf.math.real(w) / (unit * np.sqrt(np.pi))


@cache
def _weideman() -> tuple[float, list[float]]:
    """Returns the scale of the expansion and its coefficients, the highest power first."""
    scale = np.sqrt(_TERMS / np.sqrt(2))
    points = 2 * _TERMS
    theta = np.arange(1 - points, points) * np.pi / points
    t = scale * np.tan(theta / 2)
    values = np.concatenate([[0.0], np.exp(-t * t) * (scale * scale + t * t)])
    spectrum = np.real(np.fft.fft(np.fft.fftshift(values))) / (2 * points)
    return float(scale), spectrum[_TERMS:0:-1].tolist()
