"""The accent colour can be read wherever words are written in it, and so can words on it: WCAG's AA, 4.5 to 1."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest

from tests.explorer.visiting import REPOSITORY

UI = REPOSITORY / "explorer" / "ui"
THEMES = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
TINTS = (0.0, 0.1, 0.16, 0.2)  # of the accent under itself: none, Streamlit's when chosen, the map's, Streamlit's hover
Colour = tuple[float, float, float]


def colour(text: str) -> Colour:
    """ "#rrggbb" as three numbers from 0 to 1."""
    return tuple(int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    return tuple(share * x + (1 - share) * y for x, y in zip(a, b, strict=True))


def contrast(a: Colour, b: Colour) -> float:
    """WCAG's contrast ratio, 1 to 21."""

    def luminance(c: Colour) -> float:
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in c]
        return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula():
    assert contrast(colour("#000000"), colour("#ffffff")) == pytest.approx(21)
    assert contrast(colour("#777777"), colour("#ffffff")) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_accent_can_be_read_on_every_ground(theme):
    named = {k: colour(v) for k, v in THEMES[theme].items()}
    accent, ground, second = (named[k] for k in ("primaryColor", "backgroundColor", "secondaryBackgroundColor"))
    for tint in TINTS:
        assert contrast(accent, mixed(accent, ground, tint)) >= 4.5, tint
    assert contrast(accent, second) >= 4.5
    quiet = float(re.search(r"\.quiet \{ opacity: ([\d.]+)", (UI / "components" / "shared.css").read_text("utf-8"))[1])
    for under in (ground, second):
        assert contrast(mixed(named["textColor"], under, quiet), under) >= 4.5
    assert contrast(named["blueTextColor"], named["blueBackgroundColor"]) >= 4.5  # st.info, warm as the rest
    assert all(red > blue for red, _, blue in (named[k] for k in named if k.startswith("blue")))
    # The mark of a checkbox is white on the accent; 3 to 1 is what signs need.
    assert contrast(accent, colour("#ffffff")) >= 3


def test_tags_can_be_read_on_the_accent():
    light, dark = re.search(r"light-dark\((#\w{6}), (#\w{6})\)", (UI / "page.css").read_text("utf-8")).groups()
    assert contrast(colour(light), colour(THEMES["light"]["primaryColor"])) >= 4.5
    assert contrast(colour(dark), colour(THEMES["dark"]["primaryColor"])) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_cell_of_the_heat_map_can_be_read(theme):
    ground, text = (colour(THEMES[theme][name]) for name in ("secondaryBackgroundColor", "textColor"))
    css = (UI / "components" / "matrix" / "matrix.css").read_text("utf-8")
    ends = re.findall(r"--end: light-dark\((#\w{6}), (#\w{6})\)", css)
    assert len(ends) == 2
    for end in (colour(pair[theme == "dark"]) for pair in ends):
        assert min(contrast(text, mixed(end, ground, share / 100)) for share in range(101)) >= 4.5


def test_nothing_else_writes_in_white_on_the_accent():
    # Streamlit writes the words of a primary button in white, in both themes.
    for path in UI.rglob("*.py"):
        assert 'type="primary"' not in path.read_text(encoding="utf-8"), path


def coloured(call: ast.Call) -> bool:
    """Whether a call writes Markdown with a colour."""
    texts = [n.value for n in ast.walk(call) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return any(re.search(r":(orange|red|green|blue|violet|gray)\[", t) for t in texts)


def test_no_colour_is_faded_in_a_caption():
    # Streamlit fades captions, and none of its colours has that much contrast to spare.
    found = {False: [], True: []}
    for path in UI.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and coloured(node):
                found[node.func.attr == "caption"].append(f"{path.name}:{node.lineno}")
    assert found[True] == []
    assert found[False]  # the walk does see colours
