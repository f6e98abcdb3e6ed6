"""Write scikit-learn's handwritten digits as a labelled folder: train/0/0000.png ... test/9/1796.png.

python examples/digits.py data/digits

1,797 pictures of 8x8 grey values 0 to 16, in the order of scikit-learn: the first 1,500 become `train`, the last 297
`test`. A value v is written as the byte min(255, 16 v): lossless, and a model of 4 bits sees v, with 16 taken for 15.
Data: Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, CC BY 4.0.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from glowcore.images import to_png_bytes

TRAIN = 1500


def main(folder: str) -> None:
    """Write the folder; files that are there already are replaced."""
    from sklearn.datasets import load_digits  # here, so that its absence is one line

    digits = load_digits()
    pictures = np.minimum(255, 16 * digits.images).astype(np.uint8)
    for index, (picture, digit) in enumerate(zip(pictures, digits.target, strict=True)):
        path = Path(folder, "train" if index < TRAIN else "test", str(digit), f"{index:04}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(to_png_bytes(picture[..., None]))
    print(f"wrote {len(pictures)} pictures of {len(digits.target_names)} classes to {folder}", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FOLDER", help="folder to write to, made if missing")
    try:
        main(parser.parse_args().folder)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "sklearn":
            raise
        sys.exit("error: scikit-learn, which holds the digits, is not installed; pip install scikit-learn")
    except OSError as error:
        sys.exit(f"error: {error}")
