from .dsphipi import DsPhiPi as DsPhiPi
from .dsphipi_notebook import DsPhiPiNotebook as DsPhiPiNotebook
from .tau3mu import TauTo3Mu as TauTo3Mu
