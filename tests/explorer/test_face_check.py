"""Faces are counted in pictures of faces, and in no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from explorer.catalogue.gallery import Gallery
from explorer.cli import main
from explorer.portraits.face_check import SCORE, face_score, summary

PRETRAINED = Path(__file__).resolve().parents[2] / "pretrained"


def test_faces_are_found_in_photos_of_faces_and_not_in_noise():
    gallery = Gallery(PRETRAINED / "faces64" / "gallery")
    faces = np.stack([gallery.load(name) for name in gallery.names])
    noise = np.random.default_rng(0).integers(0, 256, faces.shape, dtype=np.uint8)
    assert all(face_score(face) >= SCORE for face in faces)
    assert not any(face_score(picture) >= SCORE for picture in noise)
    words, scores = summary(np.concatenate([faces, noise]))
    assert words.startswith("a face in 50.0%, ")
    assert len(scores) == 48
    assert scores[:24].min() > scores[24:].max()
    assert summary(faces[[0, 0]])[0].endswith("spread 0.000")


def test_seeds_that_are_none_are_one_sentence(capsys):
    arguments = ["faces", "--model", "pretrained/faces64", "--data", "nowhere"]
    assert main([*arguments, "--seeds", "x"]) == 2
    assert capsys.readouterr().err == "error: --seeds 'x' is not understood, expected such as 0:16, 7 or 3,5,9\n"
    assert main([*arguments, "--temperature", "warm"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
