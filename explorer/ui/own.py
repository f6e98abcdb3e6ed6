"""The panel in which a user makes an attribute from two groups of photos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from explorer.atlas.latent_map import LatentMap
from explorer.own import attribute, attribute_file, naming, weights
from explorer.portraits.photos import Photo
from explorer.ui import state, visitors
from explorer.ui.downloads import download
from explorer.ui.frame import Bench, caution, plain
from explorer.ui.intake import PHOTO_TYPES, Taken, intake, tell_lost
from explorer.wording.labels import attributes_of, join_labels, noun, ordered, percent, words
from glowcore.errors import GlowcoreError
from glowcore.text import counted

UNKNOWN_MODEL = (
    "The file does not say which model it was made with: if the preview above does not show what it should, "
    "drop it and make it again from photos."
)
MADE = "own_made"  # session key of the name of a new attribute, until its preview is shown
TRIED = 1.5  # strength for "Try it in Edit", large enough to be visible
NAMED = 5  # files without a face that are named
GUESSING = 0.6  # share of held-out pairs; for a few photos a lower one does not differ from chance


@dataclass(frozen=True)
class Upload:
    """An uploaded file: its name and photo, or an error message.

    The photo is kept and not only its face, since another model may need the face at another size. Its bytes are those
    that Streamlit holds for the session, within ``visitors.bounds``.
    """

    name: str
    photo: Photo | None = None
    words: str = ""


def panel(bench: Bench) -> None:
    """Show the controls that make, load, save and drop attributes of one's own."""
    st.markdown("**Your own attribute**")
    having, lacking = two_groups(bench)
    name = name_field(bench)
    fewest = min(len(having), len(lacking))
    if attribute.FEWEST_PHOTOS <= fewest < attribute.ENOUGH_PHOTOS:
        caution(f"With {fewest} of a kind the direction is rough; {attribute.ENOUGH_PHOTOS} make it steadier.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # Never disabled: the server gets a typed name only when the field loses the focus, possibly by this click.
        pressed = st.button("Make the slider", key="own_make")
        with st.popover("Load one from a file", icon=":material/upload_file:"):
            intake(
                bench,
                st.file_uploader,
                "Attribute file",
                key="own_file",
                take=lambda data: load(bench, data),
                type=["safetensors"],
                max_upload_size=15,
            )
    # Always present: a message that comes or goes would shift the rows below, which closes their open popovers.
    with st.container(key="own_messages"):
        if pressed:
            make_or_warn(bench, name, having, lacking)
        if note := st.session_state.pop("own_note", ""):
            st.info(plain(note))
        if doubt := st.session_state.pop("own_doubt", ""):
            st.warning(plain(doubt))
    own_attributes(bench)


def two_groups(bench: Bench) -> tuple[list[Upload], list[Upload]]:
    """Show an uploader for photos that have the attribute and one for photos that lack it; return the photos."""
    kind = noun(bench.engine)
    things = f"photos of {kind}s" if kind == "face" else f"{kind}s"
    st.caption(
        f"Give {things} that have something and {things} that do not: {attribute.FEWEST_PHOTOS} of each at least, "
        f"better {attribute.ENOUGH_PHOTOS}; up to {visitors.bounds().words()} in all. {visitors.privacy()}"
    )
    left, right = st.columns(2, gap="large")
    with left:
        having = uploader(bench, "With it", "own_with")
    with right:
        lacking = uploader(bench, "Without it", "own_without")
    return having, lacking


def name_field(bench: Bench) -> str:
    """Show the field for the attribute's name; return its text."""
    example = "Freckles" if noun(bench.engine) == "face" else "Tilted"
    # Without max_chars: Streamlit silently drops a longer paste.
    name = st.text_input("Its name", key="own_name", persist_state="session", placeholder=example)
    if len(tidy := naming.tidy(name)) < len(" ".join(name.split())):
        caution(f"A name has {naming.LONGEST} characters at most; it is cut to “{plain(tidy)}”.")
    return name


def make_or_warn(bench: Bench, name: str, having: list[Upload], lacking: list[Upload]) -> None:
    """Make the attribute, or say what is missing for it."""
    if min(len(having), len(lacking)) < attribute.FEWEST_PHOTOS:
        st.warning(
            f"{attribute.FEWEST_PHOTOS} photos of each kind are needed, and there are {len(having)} with it and "
            f"{len(lacking)} without: add more above."
        )
    elif not name.strip():
        st.warning("The slider needs a name: type one above.")
    else:
        make(bench, name, having, lacking)


def uploader(bench: Bench, label: str, key: str) -> list[Upload]:
    """Show an uploader for one group; return its photos, each once.

    Photos that were uploaded before the page was left stay in the group until the user clears them.
    """
    # All models of the same kind of pictures share a group.
    group: dict[str, Upload] = st.session_state.setdefault(f"{key} {noun(bench.engine)}", {})
    listed = f"{key} shown"

    def changed() -> None:
        drop(st.session_state.get(listed, set()) - {f.file_id for f in st.session_state[key]})

    def drop(identities) -> None:
        for identity in identities:
            group.pop(identity, None)

    files = st.file_uploader(label, type=PHOTO_TYPES, accept_multiple_files=True, key=key, on_change=changed) or []
    st.session_state[listed] = {f.file_id for f in files}
    if new := [f for f in files if f.file_id not in group]:
        with st.spinner("Looking at the photos …", show_time=True):
            group.update({f.file_id: read(f, min(bench.engine.image_size)) for f in new})
    earlier = [identity for identity in group if identity not in st.session_state[listed]]
    drop(earlier[: max(0, len(group) - visitors.bounds().files)])
    photos = list({g.photo.key: g for g in group.values() if g.photo is not None}.values())
    st.caption(counted(len(photos), "photo") if photos else "No photos yet")
    for file in files:
        if group[file.file_id].words:
            caution(plain(group[file.file_id].words))
    tell_lost(key)
    if earlier:
        st.button("Clear those given before", key=f"{key} clear", type="tertiary", on_click=drop, args=(earlier,))
    return photos


def read(file, size: int) -> Upload:
    """Read an uploaded photo and align its face at ``size`` pixels, while its pixels are in memory."""
    try:
        photo = Photo.read(file.getvalue())
        photo.aligned(size, photo.source)
        return Upload(file.name, photo)
    except GlowcoreError as error:
        return Upload(file.name, words=f"{file.name!r:.60}: {error}.")


def make(bench: Bench, typed: str, having: list[Upload], lacking: list[Upload]) -> None:
    """Encode both groups, fit the attribute and add it to the sliders."""
    known, size = state.model_attributes(bench.engine), min(bench.engine.image_size)
    faceless = [g.name for g in having + lacking if not g.photo.found]
    try:
        name = naming.name_for(typed, ordered(known.names if known else ()), bench.desk.own.of(bench.engine))
        with st.spinner("Looking at the photos …", show_time=True):
            faces = [[g.photo.aligned(size, g.photo.source).image for g in group] for group in (having, lacking)]
            groups = [attribute.encode(bench.engine, group) for group in faces]
            latent_map = LatentMap.load(bench.engine.folder)
            vectors = attribute.fit(name, *groups, known, latent_map, weights=bench.engine.model_hash)
    except GlowcoreError as error:
        st.error(plain(f"{error}."))
        return
    bench.desk.take_own(vectors)
    st.session_state[MADE] = name
    quality, label = vectors.info(name)["separation"], words(name).label
    if quality < GUESSING:
        note = (
            f"{label} is among the sliders of Edit, but it tells held-out photos apart {percent(quality)} of the time, "
            f"no better than guessing ({percent(0.5)}): this slider will move something else. Add photos that differ "
            "in nothing else, and make it again."
        )
    else:
        note = (
            f"{label} is among the sliders of Edit. It tells held-out photos apart {percent(quality)} of the time "
            f"(guessing: {percent(0.5)})."
        )
    if faceless and noun(bench.engine) == "face":
        which = ", ".join(faceless[:NAMED]) + (" …" if len(faceless) > NAMED else "")
        centre = "its centre was" if len(faceless) == 1 else "their centres were"
        note += f" No face was found in {counted(len(faceless), 'photo')}, so {centre} used: {which}."
    st.session_state["own_doubt" if quality < GUESSING else "own_note"] = note
    st.rerun()


def load(bench: Bench, data: bytes) -> Taken:
    """Add the attributes of a file to the sliders, and note the outcome for the panel."""
    try:
        contents = attribute_file.from_file(data, Path(st.session_state["own_file"].name))
        vectors = weights.taken_for(contents, bench.engine)
        known = state.model_attributes(bench.engine)
        for name in vectors.names:
            naming.name_for(name, ordered(known.names if known else ()), bench.desk.own.of(bench.engine))
    except GlowcoreError as error:
        st.session_state["own_note"] = f"{error}."
        return Taken()
    bench.desk.take_own(vectors)
    st.session_state[MADE] = vectors.names[0]
    note = f"{join_labels(vectors.names)}: among the sliders of Edit."
    if "" in weights.made_with(contents):
        note += f" {UNKNOWN_MODEL}"
    st.session_state["own_note"] = note
    return Taken()


def own_attributes(bench: Bench) -> None:
    """Show the attributes of this session, with a row of buttons for each."""
    desk, engine = bench.desk, bench.engine
    orthogonal = desk.own.orthogonal_of(engine)
    for name in desk.own.of(engine):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words(name).label}**")
            if st.button("Try it in Edit", key=f"own_try_{name}", icon=":material/tune:"):
                desk.move({name: desk.recipe.strength(name) or TRIED})
                st.switch_page(state.EDIT_PAGE)
            if others := [n for n in attributes_of(engine) if n != name]:
                with st.popover("Keep apart from …", type="tertiary"):
                    choose_orthogonal(bench, name, others)
            download(
                "Save",
                "attribute.safetensors",
                lambda name=name: attribute_file.to_file(attribute_file.alone(engine.attributes, name)),
                key=f"own_save_{name}",
            )
            st.button("Drop", key=f"own_drop_{name}", on_click=desk.drop_own, args=(name, engine))
            if orthogonal.get(name):
                st.caption(f"leaves {join_labels(orthogonal[name])} unchanged")
    for vectors in desk.own.elsewhere(engine):
        st.caption(plain(f"{weights.elsewhere(vectors)}."))


def choose_orthogonal(bench: Bench, name: str, others: list[str]) -> None:
    """Let the user choose the attributes whose directions are projected out of this one's."""
    desk, key = bench.desk, f"own_orthogonal_{name}"

    def chosen() -> None:
        try:
            desk.own = desk.own.orthogonalised(name, st.session_state[key] or (), state.engine_of(bench.engine.name))
        except GlowcoreError as error:
            st.session_state["own_note"] = f"{error}."

    st.session_state[key] = [n for n in desk.own.orthogonal_of(bench.engine).get(name, ()) if n in others]
    st.pills(
        "What it shares with these is taken out of it",
        others,
        selection_mode="multi",
        format_func=lambda n: words(n).label,
        key=key,
        on_change=chosen,
        help="The cosines above show what it shares with each. A lock on the Edit page does the same for one edit.",
    )
