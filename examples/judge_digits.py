"""Does a class-conditional model draw the digit it is asked for? Two classifiers of scikit-learn say what they see.

python examples/judge_digits.py pretrained/digits data/digits

They learn from the training pictures of the folder that examples/digits.py writes, and look at its held-out pictures
and at 1,000 samples (seeds 0 to 999, the classes in turn) at the model's own temperature. Neither knows the model.
"""

import argparse
import sys

import numpy as np
import torch

import glowcore
from glowcore.data import open_dataset
from glowcore.errors import GlowcoreError

SAMPLES = 1000


def values(images: torch.Tensor) -> np.ndarray:
    """Return pictures, uint8 [N, 1, 8, 8], as the model's 4 bits see them: [N, 64], 0 to 15."""
    return images.flatten(1).numpy() >> 4


def judge(model: glowcore.Flow, folder: str, samples: int = SAMPLES) -> dict[str, tuple[float, float]]:
    """Return for each classifier the share of held-out pictures and of samples that it takes for their class."""
    from sklearn.linear_model import LogisticRegression  # here, so that its absence is one line
    from sklearn.neighbors import KNeighborsClassifier

    train, test = (open_dataset(folder, image_size=8, channels=1, split=s, progress=False) for s in ("train", "test"))
    asked = torch.arange(samples) % len(train.class_names)
    drawn = model.sample(range(samples), model.metadata.get("temperature", 0.7), asked).cpu()
    drawn = (255 * drawn).round().to(torch.uint8)
    found = {}
    for name, classifier in (
        ("logistic regression", LogisticRegression(C=0.1, max_iter=2000)),
        ("3 nearest neighbours", KNeighborsClassifier(3)),
    ):
        classifier.fit(values(train.images), train.labels.numpy())
        found[name] = tuple(
            float(classifier.score(values(images), labels.numpy()))
            for images, labels in ((test.images, test.labels), (drawn, asked))
        )
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL", help="folder of a class-conditional model of 8x8 digits")
    parser.add_argument("folder", metavar="FOLDER", help="the folder that examples/digits.py writes")
    args = parser.parse_args()
    try:
        found = judge(glowcore.load(args.model, device="cpu"), args.folder)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "sklearn":
            raise
        sys.exit("error: scikit-learn, which holds the classifiers, is not installed; pip install scikit-learn")
    except GlowcoreError as error:
        sys.exit(f"error: {error}")
    for name, (real, sampled) in found.items():
        print(f"{name:<22}{100 * real:5.1f} % of held-out digits, {100 * sampled:5.1f} % of {SAMPLES:,} samples")
