"""The editor puts a face back into its photo as the file that is saved has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from explorer.pixels.pictures import data_uri
from explorer.portraits.faces import Alignment, paste_back

COMPONENTS = Path(__file__).resolve().parents[2] / "explorer" / "ui" / "components"
PUT_BACK = """async ([scripts, matrix, ...uris]) => {
  const { decoded, drawTile, FaceInPhoto } = new Function(`${scripts}; return { decoded, drawTile, FaceInPhoto }`)()
  const [image, original, edited] = await Promise.all(uris.map(decoded))
  const canvas = document.createElement("canvas")
  ;[canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight]
  new FaceInPhoto({ image, matrix, others: [] }, original).draw(canvas, (face) => drawTile(face, edited))
  return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]
}"""


@pytest.mark.parametrize("scale", [0.5, 4])
def test_the_editor_puts_a_face_of_any_size_back_as_the_file_has_it(browser, scale):
    rng = np.random.default_rng(0)
    photo, original = (rng.integers(60, 190, (side, side, 3), dtype=np.uint8) for side in (160, 64))
    edited = original + rng.integers(0, 60, original.shape, dtype=np.uint8)  # as fine as the pixels of the face
    matrix = np.array([[scale, 0, -10.0], [0, scale, -6.0]])
    scripts = [
        (COMPONENTS / name).read_text(encoding="utf-8") for name in ("shared.js", "editor/stage.js", "editor/photo.js")
    ]
    page, uris = browser.new_page(), [data_uri(picture) for picture in (photo, original, edited)]
    values = page.evaluate(PUT_BACK, ["\n".join(scripts), matrix.ravel().tolist(), *uris])
    page.close()
    shown = np.array(values, dtype=np.uint8).reshape(160, 160, 4)[..., :3].astype(int)
    saved = paste_back(photo, Alignment(original, matrix), edited).astype(int)
    added, expected = shown - photo, saved - photo
    assert np.abs(added - expected).mean() < 0.1 * np.abs(expected).mean()
