from .records import DerivedRecord as DerivedRecord
from .records import lineage as lineage
from .records import read_derived as read_derived
from .requests import SkimRequest as SkimRequest
