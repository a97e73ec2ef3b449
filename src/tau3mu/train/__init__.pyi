from .comparison import Comparison as Comparison
from .comparison import compare as compare
from .reproduction import Reproduction as Reproduction
from .reproduction import reproduce as reproduce
from .states import State as State
from .states import Status as Status
from .states import read_status as read_status
from .store import Store as Store
