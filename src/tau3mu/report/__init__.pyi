from .comparison import comparison_view as comparison_view
from .cutflows import Cutflows as Cutflows
from .cutflows import ProcessorCutflow as ProcessorCutflow
from .export import export_comparison as export_comparison
from .export import export_result as export_result
from .result import result_view as result_view
from .yields import Yields as Yields
