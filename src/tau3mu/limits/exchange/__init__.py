"""Models and limits in the forms of others: HS3, pyhf, cards of Combine, HEPData."""
