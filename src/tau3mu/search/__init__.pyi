from .chain import search as search
from .config import SearchConfig as SearchConfig
from .config import load_config as load_config
from .frozen import frozen_hash as frozen_hash
from .state import STEPS as STEPS
from .state import Search as Search
from .unblinding import unblind as unblind
