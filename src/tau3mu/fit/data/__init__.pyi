from .labelled import read_labelled as read_labelled
from .readers import read_data as read_data
from .runs import spectrum as spectrum
from .sample import Binned as Binned
from .sample import Unbinned as Unbinned
from .select import binned as binned
from .select import unbinned as unbinned
from .source import Source as Source
