"""The likelihood of many channels, its gradient and its curvature, for many parameter sets at once.

Arrays have the sets of parameters first (T), then global parameters (G: the signal strength, J
nuisances and free normalizations) or channels (C), and points of spectra or bins (N) last. All
that is done for one set of parameters, such as a fit, is done for many with the same calls of
NumPy: the points of a scan, the nuisances of an impact, or toys.
"""
