"""The fits: what is fitted to which spectrum, one JSON file per fit.

Copy a shipped file, change it and check it with `python -m tau3mu.fit FILE --check`. All keys, all
pdfs and the language of expressions are in `docs/reference/fit-files.md`.
"""
