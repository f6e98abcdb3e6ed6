"""The Models page: the listed models, facts about them, and whether they are exact on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from explorer.catalogue.gallery import Gallery
from explorer.engines import models
from explorer.engines.models import ModelEntry
from explorer.pixels.pictures import reduced, webp
from explorer.ui import state
from explorer.ui.frame import caution, intro, laid_out, no_model, plain
from explorer.views import checks
from explorer.views.checks import Finding
from explorer.views.model_facts import CARD, began_from, details, facts, provenance, purpose
from glowcore import images
from glowcore.errors import GlowcoreError

CHECKED = 4  # pictures per check
NAMED = 3  # of the files left out of a gallery
SPECIMEN = 104  # pixels, of a model's sample pictures
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]*)\)")  # in Markdown: its text and its address
WIDEST = 1024  # pixels, of a picture in a model card


def examine(entry: ModelEntry) -> list[Finding]:
    """Run the checks; a model that cannot be opened gives one failed finding."""
    try:
        engine = state.reconstructor_of(entry.name)
        gallery = Gallery.of(entry.folder)
        pictures = [gallery.load(n) for n in gallery.names[:CHECKED]] or engine.sample(
            range(CHECKED), engine.temperature
        )
        return checks.check(entry, engine, pictures)
    except GlowcoreError as error:
        return [Finding("Loading", False, f"{entry.public_message(error)}.")]


def picture_of(path: Path, part: str = "all") -> bytes | None:
    """Return a picture file of a model's folder, or its "corner", as WebP; None where it is missing or damaged."""
    return _picture(str(path), str(path.stat().st_mtime_ns), part) if path.is_file() else None


@st.cache_resource(max_entries=128, show_spinner=False)
def _picture(path: str, changed: str, part: str) -> bytes | None:
    try:
        picture = images.load(Path(path))
    except GlowcoreError:
        return None
    if part == "all":
        return webp(reduced(picture, WIDEST))
    side = min(picture.shape[:2]) // 2  # a quarter of a sheet of samples, so that faces are large enough
    return webp(reduced(picture[:side, :side], 2 * SPECIMEN))


def model_card(folder: Path) -> None:
    """Show a model's README with the pictures of its folder; no page loads pictures from elsewhere."""
    parts = IMAGE.split((folder / CARD).read_text(encoding="utf-8", errors="replace"))
    st.markdown(parts[0])
    for caption, name, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if Path(name).name == name and (picture := picture_of(folder / name)):
            st.image(picture, caption=caption, alt=caption)
        st.markdown(text)


def choose(name: str) -> None:
    """Use the listed model ``name`` from now on."""
    state.choose_model(name)
    st.session_state["model_chosen"] = name


def take_over(name: str) -> None:
    """Adapt the present edit, and with it the address, to a model that was just chosen; else show why it failed."""
    try:
        laid_out(state.engine_of(name))
    except GlowcoreError as error:
        st.error(f"{error}; choose another model below.", title=f"{name} cannot be opened")


def actions(entry: ModelEntry, chosen: str | None) -> None:
    """Show the row of buttons of a model, which do not move under the mouse."""
    st.button(
        "In use" if entry.name == chosen else "Use this model",
        icon=":material/check:" if entry.name == chosen else None,
        key=f"use_{entry.name}",
        disabled=not entry.is_flow,  # the one in use stays enabled, or the pressed button would lose the focus
        width=144,
        help=None if entry.is_flow else "It has no exact latents; the Reconstruct page shows it beside flows.",
        on_click=choose,
        args=(entry.name,),
    )
    what = "Whether its files are intact, whether pictures come back exactly, and how fast it is on this machine"
    if st.button("Check it here", key=f"check_{entry.name}", help=what):
        with st.spinner("Checking …", show_time=True):
            st.session_state[f"checked_{entry.name} {entry.stamp}"] = examine(entry)
    if (entry.folder / CARD).is_file():
        with st.popover("Model card", width="content", on_change="rerun", key=f"card_of_{entry.name}") as box:
            if box.open:
                model_card(entry.folder)


def in_memory(entry: ModelEntry) -> None:
    """Show that a model is loaded, and the button that unloads it, beside its name so that no other button moves."""
    st.markdown(":small[:gray[In memory]]", width="content")
    st.button(
        "Unload",
        key=f"unload_{entry.name}",
        type="tertiary",
        help="Give this model's memory back, for all visitors; it is read again when somebody needs it",
        on_click=unload,
        args=(entry.name,),
    )


def unload(name: str | None = None) -> None:
    """Unload a model, or all models, and confirm it."""
    state.unload(name)
    what = f"{name} is" if name else "All models are"
    st.toast(
        f"{what} let go, for all visitors: out of memory once no open page shows it, read again when needed.",
        icon=":material/memory:",
    )


def listed(rows: list[tuple[str, str]]) -> str:
    """Return pairs of a name and a value as one paragraph of Markdown."""
    return " · ".join(f":small[:gray[{name}] {value}]" for name, value in rows)


def card(entry: ModelEntry, chosen: str | None) -> None:
    """Show the card of one model."""
    with st.container(border=True, key=f"card_{entry.name.replace('/', '_')}"):
        if entry.problem:
            st.markdown(f"**{entry.label}** :small[{entry.name}] :orange-badge[cannot be used]  \n{entry.problem}.")
            return
        with st.container(horizontal=True, gap="small"):
            if picture := picture_of(entry.folder / "samples.png", "corner"):
                st.image(picture, width=SPECIMEN, alt=f"Samples of {entry.label}")
            with st.container(gap="xsmall"):
                with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                    with st.container(horizontal=True, vertical_alignment="center", width="content"):
                        st.markdown(f"**{entry.label}** :small[{entry.name}]", width="content")
                        if entry.name in state.loaded():
                            in_memory(entry)
                    with st.container(horizontal=True, vertical_alignment="center", width="content"):
                        actions(entry, chosen)
                if what := purpose(entry):
                    st.markdown(plain(what))
                st.markdown(listed(facts(entry)))
                if data := provenance(entry):
                    st.caption(f"Trained on {plain(data)}")
                with st.expander("Details", type="compact"):
                    st.markdown(listed(details(entry)))
                    if earlier := began_from(entry):
                        weights = ", before that ".join(map(plain, earlier))
                        st.caption(f"Training started from the weights {weights}")
        if left_out := Gallery.of(entry.folder).left_out:
            more = [f"and {len(left_out) - NAMED} more"] if len(left_out) > NAMED else []
            caution("  \n".join(map(plain, [f"Left out of {entry.name}/gallery:", *left_out[:NAMED], *more])))
        for finding in st.session_state.get(f"checked_{entry.name} {entry.stamp}", []):
            mark = ":green-badge[good]" if finding.good else ":orange-badge[look]"
            st.markdown(f"{mark} **{finding.subject}** {finding.words}")


def special(entry: ModelEntry) -> bool:
    """Return whether a model comes after the others: it draws something else than faces, or cannot be used."""
    return bool(entry.problem or entry.info["config"].get("num_classes"))


intro("Models", "What every page works with. Choose one; your photos come along.")
if just_chosen := st.session_state.pop("model_chosen", None):
    take_over(just_chosen)
entries = models.list_models()
in_use = state.chosen_model()
if in_use is None:
    no_model()
else:
    first = models.default_name(entries)  # not the one in use: reordering would put another button under the mouse
    for entry in sorted(entries, key=lambda each: (each.name != first, special(each))):
        card(entry, in_use)
    with st.container(horizontal=True, vertical_alignment="center"):
        if state.loaded():
            effect = "Gives their memory back, for all visitors"
            st.button("Unload all models", key="unload", on_click=unload, help=effect)
        st.caption("These are the folders of `pretrained/` and `runs/`.")
