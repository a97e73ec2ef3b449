"""Demo ntuples, dataset files and correction files that ship with the package.

`demo.json` describes the demo ntuples in `demo/`; `dsphipi_2017.json` the control channel of 2017,
eras B to F, with paths for `load_datasets(..., prefix=...)` to complete.
"""
