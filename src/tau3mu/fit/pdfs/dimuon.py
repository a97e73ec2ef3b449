"""The pdfs of the dimuon fitter dq_fitter, by its names, and `Res` without its jump.

Their parameters are in its order and have the meaning they have there, except where it has more
than the data can determine: those are left out, and the description says how to convert.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.pdfs.antiderivatives import power_law
from tau3mu.fit.pdfs.continua import falling, falling_integral
from tau3mu.fit.pdfs.pdf import Pdf
from tau3mu.fit.pdfs.peaks import normal, normal_integral
from tau3mu.fit.pdfs.tails import (
    crystal_ball,
    crystal_ball_integral,
    double_crystal_ball,
    double_crystal_ball_integral,
)

if TYPE_CHECKING:
    from tau3mu.fit.pdfs.pdf import Array

__all__ = ["DIMUON"]

_LARGEST_EXPONENT = 300.0  # so that nothing overflows; the density is 1 by then
_SMALLEST_SQUARE = 1e-30  # of a variable width, at whose zero the density vanishes


def _cb_kinks(mean: Array, width: Array, alpha: Array, *_: Array) -> tuple[Array, ...]:
    return (mean - alpha * width,)


def _cb2(
    x: Array, mean: Array, width: Array, alpha_left: Array, n_left: Array,
    alpha_right: Array, n_right: Array, *, xp: Any,
) -> Array:  # fmt: skip
    t = (x - mean) / width * xp.where(alpha_left < 0, -1.0, 1.0)
    left, right = xp.abs(alpha_left), xp.abs(alpha_right)
    return double_crystal_ball(t, 0.0, 1.0, left, n_left, right, n_right, xp=xp)


def _cb2_integral(
    edges: np.ndarray, mean: float, width: float, alpha_left: float, n_left: float,
    alpha_right: float, n_right: float,
) -> Array:  # fmt: skip
    t = (edges - mean) / width * (-1 if alpha_left < 0 else 1)
    left, right = abs(alpha_left), abs(alpha_right)
    return width * double_crystal_ball_integral(t, 0.0, 1.0, left, n_left, right, n_right)


def _cb2_kinks(mean: Array, width: Array, alpha_left: Array, *others: Array) -> tuple[Array, ...]:
    right = others[1] * width  # on the left of the mean when mirrored
    return (mean - alpha_left * width, mean - right, mean + right)


def _na60(
    x: Array, mean: Array, width: Array,
    alpha_left: Array, p1_left: Array, p2_left: Array, p3_left: Array,
    alpha_right: Array, p1_right: Array, p2_right: Array, p3_right: Array, *, xp: Any,
) -> Array:  # fmt: skip
    t = (x - mean) / width
    left = _na60_stretch(alpha_left - t, p1_left, p2_left, p3_left, xp)
    right = _na60_stretch(t - alpha_right, p1_right, p2_right, p3_right, xp)
    t = t / (left * right)
    return xp.exp(-t * t / 2)


def _na60_stretch(depth: Array, p1: Array, p2: Array, p3: Array, xp: Any) -> Array:
    """Returns by how much the width has grown at a depth in a tail; 1 outside the tail."""
    tail = depth > 0
    depth = xp.where(tail, depth, 1.0)
    exponent = (p2 - p3 * xp.sqrt(depth)) * xp.log(depth)
    growth = p1 * xp.exp(xp.minimum(exponent, _LARGEST_EXPONENT))
    return 1 + xp.where(tail, growth, 0.0)


def _na60_kinks(mean: Array, width: Array, alpha_left: Array, *others: Array) -> tuple[Array, ...]:
    return (mean + alpha_left * width, mean + others[3] * width)


def _vwg(x: Array, mean: Array, width: Array, slope: Array, *, xp: Any) -> Array:
    sigma = width + slope * (x - mean) / mean
    square = xp.maximum(sigma * sigma, _SMALLEST_SQUARE)
    return xp.exp(-(x - mean) * (x - mean) / (2 * square))


def _ratio_vwg(
    x: Array, dip: Array, dip_mean: Array, dip_width: Array, dip_slope: Array,
    mean: Array, width: Array, slope: Array, *, xp: Any,
) -> Array:  # fmt: skip
    denominator = 1 + dip * _vwg(x, dip_mean, dip_width, dip_slope, xp=xp)
    return _vwg(x, mean, width, slope, xp=xp) / denominator


def _pol4_exp(x: Array, p1: Array, p2: Array, p3: Array, p4: Array, p5: Array, *, xp: Any) -> Array:
    return (1 + x * (p1 + x * (p2 + x * (p3 + x * p4)))) * xp.exp(-p5 * x)


def _ratio_pol4_exp(
    x: Array, dip: Array, dip_mean: Array, dip_width: Array, dip_slope: Array,
    p1: Array, p2: Array, p3: Array, p4: Array, p5: Array, *, xp: Any,
) -> Array:  # fmt: skip
    denominator = 1 + dip * _vwg(x, dip_mean, dip_width, dip_slope, xp=xp)
    return _pol4_exp(x, p1, p2, p3, p4, p5, xp=xp) / denominator


def _ratio_pol1_pol2(x: Array, p0: Array, p1: Array, p2: Array, *, xp: Any) -> Array:  # noqa: ARG001
    return (1 + p0 * x) / (1 + x * (p1 + x * p2))


def _pt(x: Array, scale: Array, n1: Array, n2: Array, *, xp: Any) -> Array:
    inside = x > 0
    power = n1 * xp.log(xp.where(inside, x, 1.0) / scale)
    return xp.where(inside, x * xp.exp(-n2 * xp.logaddexp(0.0 * power, power)), 0.0)


def _res(x: Array, alpha: Array, power: Array, *, xp: Any) -> Array:
    distance = xp.abs(x)
    outside = distance > alpha
    tail = alpha * xp.exp(-power * xp.log(xp.where(outside, distance, 1.0)))
    shape = xp.where(outside, tail, xp.where(distance < alpha, 1.0, 0.0))
    return (power - 1) / (2 * alpha * power) * shape


def _res_integral(edges: np.ndarray, alpha: float, power: float) -> Array:
    core, tails = _power_tails_pieces(edges, alpha, power)
    height = (power - 1) / (2 * alpha * power)
    return height * (core + alpha ** (1 - power) * tails)


def _power_tails(x: Array, alpha: Array, power: Array, *, xp: Any) -> Array:
    ratio = xp.abs(x) / alpha
    return xp.exp(-power * xp.log(xp.where(ratio > 1, ratio, 1.0)))


def _power_tails_integral(edges: np.ndarray, alpha: float, power: float) -> Array:
    core, tails = _power_tails_pieces(edges, alpha, power)
    return core + tails


def _power_tails_pieces(edges: np.ndarray, alpha: float, power: float) -> tuple[Array, Array]:
    """Returns the integrals of 1 within alpha, and of (|x| / alpha)^-power outside."""
    left, right = (np.log(np.maximum(sign * edges / alpha, 1)) for sign in (-1, 1))
    core = np.diff(np.clip(edges, -alpha, alpha))
    return core, alpha * (power_law(left, power) + power_law(right, power))


def _res_kinks(alpha: Array, *_: Array) -> tuple[Array, ...]:
    return (-alpha, alpha)


_CB2 = Pdf(
    name="CB2",
    parameters=("mean", "width", "alpha_left", "n_left", "alpha_right", "n_right"),
    formula=_cb2,
    description="A Crystal Ball with a tail on both sides; a negative alpha_left mirrors both, "
    "and the sign of alpha_right is of no meaning.",
    positive=("width", "n_left", "n_right"),
    peaks=True,
    integral=_cb2_integral,
    kinks=_cb2_kinks,
)

DIMUON = (
    Pdf(
        name="Gaus",
        parameters=("mean", "width"),
        formula=normal,
        description="Gauss: exp(-t^2/2) with t = (x - mean) / width.",
        positive=("width",),
        peaks=True,
        integral=normal_integral,
    ),
    Pdf(
        name="Exp",
        parameters=("slope",),
        formula=falling,
        description="Exponential: exp(slope x). Of dq_fitter's exp(-B x / A) only the ratio can be "
        "determined: slope = -B / A.",
        centered=True,
        integral=falling_integral,
    ),
    Pdf(
        name="CB",
        parameters=("mean", "width", "alpha", "n"),
        formula=crystal_ball,
        description="CrystalBall: a power-law tail on the left, for a negative alpha on the right.",
        positive=("width", "n"),
        peaks=True,
        integral=crystal_ball_integral,
        kinks=_cb_kinks,
    ),
    _CB2,
    replace(_CB2, name="CB2PSI2S", description="CB2 by another name, used for the psi(2S)."),
    Pdf(
        name="NA60",
        parameters=(
            "mean",
            "width",
            "alpha_left",
            "p1_left",
            "p2_left",
            "p3_left",
            "alpha_right",
            "p1_right",
            "p2_right",
            "p3_right",
        ),
        formula=_na60,
        description="exp(-(t / s)^2 / 2) with t = (x - mean) / width, and s = 1 + p1 d^(p2 - p3 "
        "sqrt(d)) at a depth d in a tail: d = alpha_left - t on the left, where alpha_left is "
        "negative, t - alpha_right on the right; s = 1 between.",
        positive=("width", "p1_left", "p1_right"),
        peaks=True,
        kinks=_na60_kinks,
    ),
    Pdf(
        name="VWG",
        parameters=("mean", "width", "slope"),
        formula=_vwg,
        description="A Gaussian of variable width: exp(-(x - mean)^2 / (2 s^2)) with s = width + "
        "slope (x - mean) / mean; dq_fitter's A, B, C. Keep s = 0 and mean = 0 out of reach.",
    ),
    Pdf(
        name="Pol4Exp",
        parameters=("p1", "p2", "p3", "p4", "p5"),
        formula=_pol4_exp,
        description="(1 + p1 x + p2 x^2 + p3 x^3 + p4 x^4) exp(-p5 x). dq_fitter's P0 is a pure "
        "scale: divide its P1 ... P4 by P0.",
    ),
    Pdf(
        name="RatioVWG",
        parameters=("dip", "dip_mean", "dip_width", "dip_slope", "mean", "width", "slope"),
        formula=_ratio_vwg,
        description="VWG(mean, width, slope) / (1 + dip VWG(dip_mean, dip_width, dip_slope)). Of "
        "dq_fitter's A ... I, F is a pure scale, and so is a common factor of A and E: dip = "
        "A / E, then come B, C, D and G, H, I.",
    ),
    Pdf(
        name="RatioPol4Exp",
        parameters=("dip", "dip_mean", "dip_width", "dip_slope", "p1", "p2", "p3", "p4", "p5"),
        formula=_ratio_pol4_exp,
        description="Pol4Exp(p1 ... p5) / (1 + dip VWG(dip_mean, dip_width, dip_slope)). Of "
        "dq_fitter's A ... E, P0 ... P5, both P0 and E are pure scales: dip = A / E, then come "
        "B, C, D, and P1 ... P4 divided by P0, and P5.",
    ),
    Pdf(
        name="RatioPol1Pol2",
        parameters=("p0", "p1", "p2"),
        formula=_ratio_pol1_pol2,
        description="(1 + p0 x) / (1 + p1 x + p2 x^2).",
    ),
    Pdf(
        name="Pt",
        parameters=("scale", "n1", "n2"),
        formula=_pt,
        description="x / (1 + (x / scale)^n1)^n2, for transverse momenta; 0 for negative x.",
        positive=("scale",),
    ),
    Pdf(
        name="Res",
        parameters=("alpha", "power"),
        formula=_res,
        description="A resolution around 0: constant for |x| < alpha, alpha |x|^-power times that "
        "outside, with a power above 1; dq_fitter's alpha, lambda. It jumps at alpha, unless that "
        "is 1: PowerTails does not.",
        positive=("alpha", "power"),
        peaks=True,
        integral=_res_integral,
        kinks=_res_kinks,
    ),
    Pdf(
        name="PowerTails",
        parameters=("alpha", "power"),
        formula=_power_tails,
        description="A resolution around 0: 1 for |x| < alpha, (|x| / alpha)^-power outside.",
        positive=("alpha", "power"),
        peaks=True,
        integral=_power_tails_integral,
        kinks=_res_kinks,
    ),
)
