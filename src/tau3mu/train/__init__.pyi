from .comparison import Comparison as Comparison
from .comparison import compare as compare
from .states import State as State
from .states import Status as Status
from .states import read_status as read_status
from .store import Store as Store
from .wagon import Train as Train
from .wagon import Wagon as Wagon
