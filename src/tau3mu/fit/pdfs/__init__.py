"""The pdfs of the model language: formulas for NumPy and TensorFlow alike, without zfit.

- `peaks`, `tails`, `continua`, `polynomials` and `dimuon` hold the formulas, and `PDFS` all of
  them by name;
- `integrate` gives densities and integrals over bins, `zfit_pdfs` makes zfit's objects of them;
- `user` and `templates` make pdfs of a user's formula and of a user's events.
"""

from __future__ import annotations

from tau3mu.fit.pdfs.continua import CONTINUA
from tau3mu.fit.pdfs.dimuon import DIMUON
from tau3mu.fit.pdfs.integrate import bin_integrals, density
from tau3mu.fit.pdfs.pdf import Pdf
from tau3mu.fit.pdfs.peaks import PEAKS
from tau3mu.fit.pdfs.polynomials import POLYNOMIALS
from tau3mu.fit.pdfs.tails import TAILS
from tau3mu.fit.pdfs.templates import histogram_template, kde_template
from tau3mu.fit.pdfs.user import find_user_pdf, load_user_pdf

__all__ = [
    "PDFS",
    "Pdf",
    "bin_integrals",
    "density",
    "find_user_pdf",
    "histogram_template",
    "kde_template",
    "load_user_pdf",
]

PDFS: dict[str, Pdf] = {pdf.name: pdf for pdf in (*PEAKS, *TAILS, *CONTINUA, *POLYNOMIALS, *DIMUON)}
"""All pdfs by name."""
