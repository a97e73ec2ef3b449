from .importing import from_card as from_card
from .importing import from_table as from_table
from .language import LimitModel as LimitModel
from .language import load_model as load_model
from .language import model_of as model_of
from .limiting import limit as limit
from .result import LimitResult as LimitResult
