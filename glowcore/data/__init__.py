"""Labelled pictures from folders of several layouts and from torchvision data sets."""

from glowcore.data.picture_set import BROKEN_ONE_IN, PictureSet, Scan, crop_celeba, open_dataset, scan_pictures

__all__ = ["BROKEN_ONE_IN", "PictureSet", "Scan", "crop_celeba", "open_dataset", "scan_pictures"]
