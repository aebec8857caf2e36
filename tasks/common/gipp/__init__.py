"""The configuration files of Sen2Cor (GIPPs): what each element means, and reading a user's files of any version.

``read_gipp`` reads the four files into one ``Gipp``; ``default_gipp_folder`` finds those shipped.
"""

from tasks.common.gipp.defaults import default_gipp_files, default_gipp_folder
from tasks.common.gipp.load import read_gipp
from tasks.common.gipp.model import Gipp

__all__ = ["Gipp", "default_gipp_files", "default_gipp_folder", "read_gipp"]
