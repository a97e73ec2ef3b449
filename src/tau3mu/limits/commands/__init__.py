"""Commands of `python -m tau3mu.limits`."""
