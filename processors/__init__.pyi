from .dsphipi import DsPhiPi as DsPhiPi
from .dsphipi_notebook import DsPhiPiNotebook as DsPhiPiNotebook
