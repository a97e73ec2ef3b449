"""Demo ntuples, dataset files and correction files that ship with the package."""
