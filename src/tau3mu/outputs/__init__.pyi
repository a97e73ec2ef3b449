from .candidates import load_candidates as load_candidates
from .cutflow import cutflow_table as cutflow_table
from .histograms import load_histograms as load_histograms
from .selection import Selection as Selection
