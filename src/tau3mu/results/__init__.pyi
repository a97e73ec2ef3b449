from .folder import ResultsFolder as ResultsFolder
from .folder import default_folder as default_folder
from .log import run_log as run_log
from .manifest import Manifest as Manifest
from .manifest import read_manifest as read_manifest
from .manifest import write_manifest as write_manifest
from .normalization import luminosity as luminosity
from .normalization import scales as scales
