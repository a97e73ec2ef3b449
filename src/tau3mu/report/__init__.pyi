from .result import result_view as result_view
