from .index import Index as Index
from .updating import update as update
