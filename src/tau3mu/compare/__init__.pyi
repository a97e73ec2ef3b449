from .comparing import compare as compare
from .comparison import Comparison as Comparison
from .event_list import EventList as EventList
from .event_list import read_event_list as read_event_list
