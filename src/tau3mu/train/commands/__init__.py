"""The commands of `python -m tau3mu.train`, a module each, with a function `main`."""
