from __future__ import annotations

from tau3mu.limits import model_of


def spectrum(**more):
    """Returns the content of a channel with a Gaussian peak over an exponential."""
    return {
        "range": [1.62, 2.0],
        "signal": {"yield": 5.0, "mean": 1.777, "sigma": 0.015},
        "background": {"family": "exponential", "events": {"start": 40}, "shape": [{"start": -2}]},
        **more,
    }


def counting(signal, background, observed=None, **more):
    """Returns the content of a channel of templates with one background."""
    channel = {"processes": {"sig": {"counts": signal, "signal": True},
                             "bkg": {"counts": background, **more}}}  # fmt: skip
    return channel if observed is None else channel | {"observed": observed}


def model(channels, nuisances=None, **more):
    """Returns a model of channels."""
    content = {"schema_version": 1, "channels": channels, "nuisances": nuisances or {}, **more}
    return model_of(content)
