"""Where blobs are kept: pipeline code now, files and large values with the object store."""

from pumphouse.storage.blobs import Blobs, FolderBlobs

__all__ = ["Blobs", "FolderBlobs"]
