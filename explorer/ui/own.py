"""The panel in which a user makes an attribute from two groups of photos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from explorer.atlas.latent_map import LatentMap
from explorer.own import attribute, attribute_file, naming, weights
from explorer.portraits.photos import Photo
from explorer.session.fitting import GREETING
from explorer.ui import state, visitors
from explorer.ui.downloads import download
from explorer.ui.frame import Bench, caution, plain, reserved
from explorer.ui.intake import PHOTO_TYPES, Taken, intake, tell_lost
from explorer.ui.previews import previews
from explorer.wording.labels import join_labels, noun, ordered, percent, words
from glowcore.errors import ConfigError, GlowcoreError
from glowcore.text import counted

UNKNOWN_MODEL = (
    "The file does not say which model it was made with: if the preview above does not show what it should, "
    "drop it and make it again from photos."
)
OUTCOME = "own_outcome"  # session key of the ``Outcome`` that is shown next
TRIED = 1.5  # strength for "Try it in Edit", large enough to be visible
NAMED = 5  # files that a sentence names
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


@dataclass(frozen=True)
class Outcome:
    """The outcome of making or loading attributes: sentences, a new attribute or "", and whether it is no success."""

    sentences: str
    name: str = ""
    doubtful: bool = False


def panel(bench: Bench) -> None:
    """Show the controls that make, load, save and drop attributes of one's own."""
    st.markdown("**Your own attribute**")
    having, lacking = two_groups(bench)
    # Messages are above the button, since the page may end with it at the lower edge of the window. Their containers
    # are always present: one that comes or goes would shift the rows below, which closes their open popovers, and shows
    # the button twice while the page runs.
    outcome = st.container(key="own_messages")
    name = name_field(bench)
    about_name = st.container(key="own_name_messages")
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
            )
    with outcome:
        if pressed and enough(having, lacking):
            with about_name:
                valid = valid_name(bench, name)
            if valid:
                make(bench, valid, having, lacking)
        shown = show_outcome(bench)
    own_attributes(bench, shown)


def just_made() -> str:
    """Return the name of a new attribute whose outcome the panel shows next, "" for none."""
    outcome = st.session_state.get(OUTCOME)
    return outcome.name if outcome else ""


def show_outcome(bench: Bench) -> str:
    """Show an outcome once, beside a strip of the new attribute and above the button that tries it.

    Return the name of this attribute, "" without one.
    """
    outcome = st.session_state.pop(OUTCOME, None)
    if outcome is None:
        return ""
    new = outcome.name if outcome.name in bench.engine.attribute_names else ""
    left, right = st.columns(2, gap="large")
    with left:
        if outcome.doubtful:
            st.warning(plain(outcome.sentences))
        else:
            st.info(plain(outcome.sentences))
        if new:
            try_it(bench, new)
    if new:
        with right:
            previews(bench, new, key="own_strip", faces=1)
    return new


def try_it(bench: Bench, name: str) -> None:
    """Show the button that moves an attribute in Edit, which replaces the moves of the greeting."""
    if st.button("Try it in Edit", key=f"own_try_{name}", icon=":material/tune:"):
        desk = bench.desk
        untouched = not desk.arrival.awaited and desk.history.shows_only((GREETING,))
        others = {GREETING[0]: 0.0} if untouched else {}
        desk.move(others | {name: desk.recipe.strength(name) or TRIED})
        st.switch_page(state.EDIT_PAGE)


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
    fewest = min(len(having), len(lacking))
    with reserved():
        if attribute.FEWEST_PHOTOS <= fewest < attribute.ENOUGH_PHOTOS:
            caution(f"With {fewest} of a kind the direction is rough; {attribute.ENOUGH_PHOTOS} make it steadier.")
    return having, lacking


def name_field(bench: Bench) -> str:
    """Show the field for the attribute's name; return its text."""
    example = "Freckles" if noun(bench.engine) == "face" else "Tilted"
    # Without max_chars: Streamlit silently drops a longer paste.
    name = st.text_input("Its name", key="own_name", persist_state="session", placeholder=example)
    with reserved():
        if len(tidy := naming.tidy(name)) < len(" ".join(name.split())):
            caution(f"A name has {naming.LONGEST} characters at most; it is cut to “{plain(tidy)}”.")
    return name


def enough(having: list[Upload], lacking: list[Upload]) -> bool:
    """Return whether the groups have enough photos and share none; if not, show what is wrong."""
    lacking_keys = {g.photo.key for g in lacking}
    if both := [g.name for g in having if g.photo.key in lacking_keys]:
        photos, each = ("This photo is", "it") if len(both) == 1 else ("These photos are", "each")
        st.warning(plain(f"{photos} in both groups; take {each} out of one: {_names(both)}"))
        return False
    if min(len(having), len(lacking)) >= attribute.FEWEST_PHOTOS:
        return True
    st.warning(f"{attribute.FEWEST_PHOTOS} photos of each kind are needed: add more above.")
    return False


def _names(files: list[str]) -> str:
    return ", ".join(files[:NAMED]) + (" …" if len(files) > NAMED else "")


def valid_name(bench: Bench, typed: str) -> str:
    """Return the name for a new attribute; "" if the typed one cannot be used, and show why."""
    if not typed.strip():
        st.warning("The slider needs a name: type one above.")
        return ""
    try:
        return naming.name_for(typed, names_of_model(bench), bench.desk.own.of(bench.engine))
    except ConfigError as error:
        st.error(plain(f"{error}."))
        return ""


def names_of_model(bench: Bench) -> list[str]:
    """Return the names of the model's own attributes that are sliders."""
    known = state.model_attributes(bench.engine)
    return ordered(known.names if known else ())


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
    needed = attribute.FEWEST_PHOTOS - len(photos)
    missing = f"; {needed} {'more ' * bool(photos)}needed" if needed > 0 else ""
    st.caption((counted(len(photos), "photo") if photos else "No photos yet") + missing)
    with reserved():
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


def make(bench: Bench, name: str, having: list[Upload], lacking: list[Upload]) -> None:
    """Encode both groups, fit the attribute and add it to the sliders."""
    engine = bench.engine
    size = min(engine.image_size)
    # Shown if this run is broken off, as by a change of the page; else replaced by what becomes of it.
    st.session_state[OUTCOME] = Outcome(
        f"{words(name).label} was not made, since the page changed before it was ready. Make it again.", doubtful=True
    )
    try:
        with st.spinner("Looking at the photos …", show_time=True):
            faces = [[g.photo.aligned(size, g.photo.source).image for g in group] for group in (having, lacking)]
            groups = [attribute.encode(engine, group) for group in faces]
            known, latent_map = state.model_attributes(engine), LatentMap.load(engine.folder, engine.model_hash)
            vectors = attribute.fit(name, *groups, known, latent_map, weights=engine.model_hash)
    except Exception as error:  # without those that break off a run, which are no ``Exception``
        del st.session_state[OUTCOME]
        if not isinstance(error, GlowcoreError):
            raise
        st.error(plain(f"{error}."))
        return
    bench.desk.take_own(vectors)
    quality, label = vectors.info(name)["separation"], words(name).label
    doubtful = quality < GUESSING
    measured = f"measured on {counted(len(having), 'photo')} with it and {len(lacking)} without"
    if doubtful:
        sentences = (
            f"{label} is among the sliders of Edit, but it tells held-out photos apart {percent(quality)} of the time, "
            f"no better than guessing ({percent(0.5)}), {measured}: this slider will move something else. Add photos "
            "that differ in nothing else, and make it again."
        )
    else:
        sentences = (
            f"{label} is among the sliders of Edit. It tells held-out photos apart {percent(quality)} of the time "
            f"(guessing: {percent(0.5)}), {measured}."
        )
    faceless = [g.name for g in having + lacking if not g.photo.found]
    if faceless and noun(engine) == "face":
        centre = "its centre was" if len(faceless) == 1 else "their centres were"
        sentences += f" No face was found in {counted(len(faceless), 'photo')}, so {centre} used: {_names(faceless)}."
    st.session_state[OUTCOME] = Outcome(sentences, name, doubtful)
    st.rerun()


def load(bench: Bench, data: bytes) -> Taken:
    """Add the attributes of a file to the sliders, and note the outcome for the panel."""
    try:
        contents = attribute_file.from_file(data, Path(st.session_state["own_file"].name))
        vectors = weights.taken_for(contents, bench.engine)
        for name in vectors.names:
            naming.name_for(name, names_of_model(bench), bench.desk.own.of(bench.engine))
    except GlowcoreError as error:
        st.session_state[OUTCOME] = Outcome(f"{error}.")
        return Taken()
    bench.desk.take_own(vectors)
    sentences = f"{join_labels(vectors.names)}: among the sliders of Edit."
    if "" in weights.made_with(contents):
        sentences += f" {UNKNOWN_MODEL}"
    st.session_state[OUTCOME] = Outcome(sentences, vectors.names[0])
    return Taken()


def own_attributes(bench: Bench, shown: str) -> None:
    """Show the attributes of this session, with a row of buttons for each; ``shown`` has its first one above."""
    desk, engine = bench.desk, bench.engine
    names = list(desk.own.of(engine))
    for name in names:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words(name).label}**")
            if name != shown:
                try_it(bench, name)
            download(
                "Save",
                "attribute.safetensors",
                lambda name=name: attribute_file.to_file(attribute_file.alone(engine.attributes, name)),
                key=f"own_save_{name}",
            )
            st.button("Drop", key=f"own_drop_{name}", on_click=desk.drop_own, args=(name, engine))
    if names:
        st.caption("If a slider also changes something else, lock that on the Edit page.")
    for vectors in desk.own.of_other_weights(engine):
        st.caption(plain(f"{weights.remedy(vectors)}."))
