from .comparison import comparison_view as comparison_view
from .cutflows import Cutflows as Cutflows
from .cutflows import ProcessorCutflow as ProcessorCutflow
from .result import result_view as result_view
