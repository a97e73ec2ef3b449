from .distribution import Distribution as Distribution
from .distribution import distribute as distribute
from .distribution import use_proxy as use_proxy
from .proxy import Proxy as Proxy
from .proxy import find_proxy as find_proxy
from .proxy import needs_proxy as needs_proxy
