"""Folders of small pictures for the tests of data sets."""

import numpy as np

from tests.glowcore.odd_files import encode, smooth


def write(folder, names, height=16, width=16, kind="PNG"):
    """Write pictures, each shifted by one column more than the previous one."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(np.roll(smooth(height, width), number, axis=1), kind))


def write_table(folder):
    """Write six pictures with a table beside `images/`."""
    write(folder / "images", [f"{i}.png" for i in range(6)])
    rows = ["0.png,train,1,0", "1.png,train,0,", "2.png,test,,1", "3.png,valid,1,1", "4.png,train,0,0", "5.png,test,1,"]
    (folder / "attributes.csv").write_text("file,split,Smiling,Male\n" + "\n".join(rows) + "\n")
    return folder
