from .document import Discriminant as Discriminant
from .document import load_discriminant as load_discriminant
from .features import FEATURES as FEATURES
from .features import Feature as Feature
from .features import feature_matrix as feature_matrix
from .folds import fold_of as fold_of
