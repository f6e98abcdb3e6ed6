"""Faces are detected, aligned to the template, and put back as a difference that changes nothing else."""

import hashlib
import re
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from explorer.portraits import face_detector, faces
from glowcore import images
from glowcore.errors import ImageError

ASTRONAUT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
LANDMARKS = np.array([(202, 104), (245, 104), (221, 127), (202, 144), (239, 144)])  # read off the photo


@pytest.fixture(scope="module")
def photo():
    return images.load(ASTRONAUT)


@pytest.fixture(scope="module")
def face(photo):
    return face_detector.find(photo)[0]


def _on(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def _measured(picture: np.ndarray, enlarged=(3, 4, 5)) -> np.ndarray | None:
    """Return the landmarks of an aligned picture, the mean over enlarged views; None if a view has no face."""
    views = []
    for factor in enlarged:
        view = face_detector._scaled(picture, factor * picture.shape[0])
        found = face_detector._detect(view, picture.shape, 0.5)
        if not found:
            return None
        views.append(max(found, key=lambda face: face.score).landmarks)
    return np.mean(views, axis=0)


def test_the_detector_is_the_file_that_its_readme_describes():
    readme = (face_detector.MODEL_FILE.parent / "README.md").read_text()
    (stated,) = re.findall(r"\b[0-9a-f]{64}\b", readme)
    assert hashlib.sha256(face_detector.MODEL_FILE.read_bytes()).hexdigest() == stated
    assert "MIT License" in (face_detector.MODEL_FILE.parent / "LICENSE.txt").read_text()


def test_the_face_is_found_with_its_landmarks(photo):
    (found,) = face_detector.find(photo)
    assert found.score > 0.9
    assert np.abs(found.landmarks - LANDMARKS).max() < 4
    x, y, width, height = found.box
    offsets = LANDMARKS - np.array([x, y])
    assert offsets.min() > 0
    assert (offsets < np.array([width, height])).all()


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photo_on_its_side_gives_the_same_picture(photo, face, quarters):
    turned = np.ascontiguousarray(np.rot90(photo, quarters))
    found = face_detector.find(turned)[0]
    upright, again = faces.align(photo, 64, face).image, faces.align(turned, 64, found).image
    assert np.abs(upright.astype(int) - again).mean() < 1


@pytest.mark.parametrize("side", [100, 180, 1000, 2600])
def test_small_and_large_photos(photo, face, side):
    resized = images.resize_area(photo, (side, side))
    found = face_detector.find(resized)[0]
    assert np.abs(found.landmarks * 512 / side - face.landmarks).max() < 6


def test_several_faces_come_large_and_central_first(photo):
    large, small = photo[:300, 70:370], images.resize_area(photo[:300, 70:370], (150, 150))
    scene = np.full((320, 1000, 3), 128, dtype=np.uint8)
    scene[100:250, 20:170] = small
    scene[10:310, 350:650] = large
    scene[100:250, 800:950] = small
    found = face_detector.find(scene)
    assert len(found) == 3
    assert 350 < found[0].box[0] < 650
    equal = np.full((320, 1000, 3), 128, dtype=np.uint8)
    equal[10:310, :300] = large
    equal[10:310, 390:690] = large
    assert 390 < face_detector.find(equal)[0].box[0] < 690


def test_no_face_gives_an_empty_list_and_a_centre_crop():
    empty = np.full((90, 120, 3), 100, dtype=np.uint8)
    empty[40:50] = 180
    assert face_detector.find(empty) == []
    aligned = faces.align(empty, 30)
    assert aligned.face is None
    assert np.array_equal(aligned.image, images.fit(empty, (30, 30)))
    # The crop's corner pixels cover 3 x 3 pixels each, from column 15 on.
    assert np.allclose(_on(aligned.matrix, np.array([(16.0, 1.0), (103.0, 88.0)])), [(0, 0), (29, 29)])


def test_a_photo_without_a_sure_face_is_scaled_only_once_for_each_size(monkeypatch):
    scaled, resize_area = [], images.resize_area
    monkeypatch.setattr(images, "resize_area", lambda array, size: scaled.append(size) or resize_area(array, size))
    assert face_detector.find(np.full((1200, 1600, 3), 100, dtype=np.uint8)) == []
    assert scaled == [(240, 320), (720, 960)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (7, 9)])
def test_tiny_and_thin_pictures_do_no_harm(shape):
    picture = np.full((*shape, 3), 50, dtype=np.uint8)
    assert face_detector.find(picture) == []
    assert (faces.align(picture, 16).image == 50).all()


def test_aligned_landmarks_lie_on_the_template(photo, face):
    for size in (32, 64, 128):
        aligned = faces.align(photo, size, face)
        assert aligned.image.shape == (size, size, 3)
        assert aligned.face is face
        target = faces.TEMPLATE * size
        assert np.linalg.norm(_on(aligned.matrix, face.landmarks) - target, axis=1).mean() < 0.05 * size
    measured = _measured(faces.align(photo, 64, face).image)
    assert np.linalg.norm(measured - faces.TEMPLATE * 64, axis=1).mean() < 3


def test_alignment_is_the_stated_recipe(photo, face):
    """Area average to the target's scale, similarity of the five points, bicubic warp, border 101, done by hand."""
    matrix = faces.similarity(face.landmarks, faces.TEMPLATE * 64)
    scale = np.sqrt(np.linalg.det(matrix[:, :2]))
    side = round(512 * scale)
    small = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)
    points = (face.landmarks + 0.5) * side / 512 - 0.5
    expected = cv2.warpAffine(
        small,
        faces.similarity(points, faces.TEMPLATE * 64),
        (64, 64),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    aligned = faces.align(photo, 64, face)
    assert np.array_equal(aligned.image, expected)
    assert np.abs(aligned.matrix - matrix).max() < 1e-6 * 512


def test_similarity_recovers_a_planted_one_and_never_mirrors():
    generator = np.random.default_rng(0)
    for _ in range(20):
        angle, scale = generator.uniform(-np.pi, np.pi), generator.uniform(0.1, 10)
        planted = np.empty((2, 3))
        planted[:, :2] = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        planted[:, 2] = generator.uniform(-50, 50, 2)
        points = generator.uniform(-10, 10, (5, 2))
        assert np.allclose(faces.similarity(points, _on(planted, points)), planted)
        mirrored = faces.similarity(points, points * (-1, 1))
        assert np.linalg.det(mirrored[:, :2]) > 0
    two = faces.similarity(np.array([(0.0, 0), (10, 0)]), np.array([(5.0, 5), (5, 25)]))
    assert np.allclose(_on(two, np.array([(5.0, 0)])), [(5, 15)])


def test_similarity_is_the_least_squares_one():
    generator = np.random.default_rng(1)
    source, target = generator.normal(size=(5, 2)), generator.normal(size=(5, 2))
    x, y = source.T
    one, zero = np.ones(5), np.zeros(5)
    design = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, tx, ty = np.linalg.lstsq(design, target.T.ravel(), rcond=None)[0]
    assert np.allclose(faces.similarity(source, target), [[a, -b, tx], [b, a, ty]])


def test_a_picture_in_place_already_is_not_warped_again(photo, face):
    aligned = faces.align(photo, 64, face).image
    found = face_detector.find(aligned)[0]
    again = faces.align(aligned, 64, found)
    assert np.array_equal(again.image, aligned)
    assert np.array_equal(again.matrix, np.eye(2, 3))


def test_two_clicked_eyes_do_as_well(photo, face):
    left, right = (tuple(point) for point in face.landmarks[:2])
    aligned = faces.align_from_eyes(photo, left, right, 64)
    swapped = faces.align_from_eyes(photo, right, left, 64)
    assert np.array_equal(aligned.image, swapped.image)
    assert np.allclose(_on(aligned.matrix, face.landmarks[:2]), faces.TEMPLATE[:2] * 64, atol=1e-3)
    assert aligned.face is None
    for wrong in ((left, left), ((float("nan"), 1.0), right)):
        with pytest.raises(ImageError, match="2 pixels apart"):
            faces.align_from_eyes(photo, *wrong, 64)


def _outside(photo: np.ndarray, alignment: faces.Alignment) -> np.ndarray:
    y, x = np.mgrid[0 : photo.shape[0], 0 : photo.shape[1]]
    place = _on(alignment.matrix, np.stack([x, y], axis=-1).reshape(-1, 2))
    size = alignment.image.shape[0]
    return ((place < -0.5) | (place > size - 0.5)).any(axis=1).reshape(photo.shape[:2])


def _alignments(photo, face):
    yield faces.align(photo, 64, face)
    yield faces.align(photo, 32)
    yield faces.align_from_eyes(photo, (60.0, 300.0), (200.0, 120.0), 64)  # strongly turned, partly outside the photo
    yield faces.align_from_eyes(photo, (300.0, 300.0), (310.0, 302.0), 64)  # smaller than the model's picture
    yield faces.align(images.resize_area(photo, (64, 64)), 64)


def test_an_unchanged_picture_changes_nothing(photo, face):
    for alignment in _alignments(photo, face):
        target = photo if alignment.matrix[0, 0] != 1 else images.resize_area(photo, (64, 64))
        result = faces.paste_back(target, alignment, alignment.image)
        assert np.array_equal(result, target)
        assert result is not target


def test_nothing_outside_the_square_changes_whatever_the_edit(photo, face):
    for alignment in _alignments(photo, face):
        target = photo if alignment.matrix[0, 0] != 1 else images.resize_area(photo, (64, 64))
        before = target.copy()
        result = faces.paste_back(target, alignment, 255 - alignment.image)
        outside = _outside(target, alignment)
        assert np.array_equal(result[outside], target[outside])
        assert (result[~outside] != target[~outside]).mean() > 0.3
        assert np.array_equal(target, before)


def test_a_pasted_difference_arrives_and_fades(photo, face):
    dim = photo // 2
    alignment = faces.align(dim, 64, face)
    result = faces.paste_back(dim, alignment, alignment.image + 40)
    change = result.astype(int) - dim
    y, x = face.landmarks[2][::-1].round().astype(int)
    assert (change[y, x] == 40).all()
    assert change.min() == 0
    assert change.max() == 40
    steps = np.abs(np.diff(change[..., 0], axis=1)).max(), np.abs(np.diff(change[..., 0], axis=0)).max()
    assert max(steps) <= 8  # no visible edge


def test_large_squares_are_pasted_in_bands_without_a_seam(photo, face, monkeypatch):
    alignment = faces.align(photo, 64, face)
    edited = np.roll(alignment.image, 3, axis=0)
    whole = faces.paste_back(photo, alignment, edited)
    monkeypatch.setattr(faces, "_BAND_PIXELS", 700)
    banded = faces.paste_back(photo, alignment, edited).astype(int)
    assert np.abs(banded - whole).max() <= 1  # OpenCV rounds coordinates to 1/32 pixel


def test_detection_may_be_called_from_many_threads(photo):
    pictures = [images.resize_area(photo, size) for size in ((200, 260), (310, 310))]
    expected = [face_detector.find(picture)[0].landmarks for picture in pictures]
    results = []

    def work(number):
        for i in range(3):
            which = (number + i) % 2
            results.append(np.array_equal(face_detector.find(pictures[which])[0].landmarks, expected[which]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 12


def test_every_shared_photo_is_found_and_aligned(photos_folder):
    files = sorted(path for path in photos_folder.iterdir() if path.suffix == ".jpg")
    errors = []
    for path in files:
        picture = images.load(path)
        found = face_detector.find(picture)
        assert found, path.name
        measured = _measured(faces.align(picture, 64, found[0]).image, enlarged=(4,))
        assert measured is not None, path.name
        errors.append(np.linalg.norm(measured - faces.TEMPLATE * 64, axis=1).mean())
    assert len(errors) == len(files) > 0
    assert np.mean(errors) < 2.2
    assert np.max(errors) < 6


@pytest.mark.parametrize("pattern", ["fairface64/images/*.jpg", "celeba64/img_align_celeba/*.jpg"])
def test_the_training_sets_lie_on_the_same_template(faces_folder, pattern):
    pictures = [images.load(path) for path in sorted(faces_folder.glob(pattern))[::250]]
    measured = [landmarks for landmarks in (_measured(picture, (4,)) for picture in pictures) if landmarks is not None]
    assert len(measured) > 0.9 * len(pictures)
    offsets = np.array(measured) - faces.TEMPLATE * 64
    assert np.linalg.norm(offsets, axis=2).mean() < 2.6
    assert np.abs(offsets.mean(axis=(0, 1))).max() < 1
