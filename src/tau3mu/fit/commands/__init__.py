"""The command lines of the fits, one module each."""
