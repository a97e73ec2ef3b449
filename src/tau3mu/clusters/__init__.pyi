from .connection import connect as connect
from .report import performance_report as performance_report
from .site import Site as Site
from .site import load_site as load_site
from .versions import check_versions as check_versions
