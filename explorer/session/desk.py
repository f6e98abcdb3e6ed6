"""The state of one session: the edit with its history, and the photos it may start from.

A ``Desk`` depends on neither the page nor a particular model: methods that need a model take the engine as an argument.
Photos are held here only, in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from explorer.edits import recipe_png
from explorer.edits.actions import reduce
from explorer.edits.history import History
from explorer.edits.messages import NO_MESSAGE, NOTHING, REQUESTS, MessageNumber, Wanted, newer
from explorer.edits.recipe import EditRecipe, RecipeError, Source
from explorer.engines.engine import Engine
from explorer.own.sliders import OwnSliders
from explorer.portraits.photos import Photo, photo_key
from explorer.session.album import Album, Crops
from explorer.session.fitting import GREETING, Arrival, aligned_picture, greeting
from explorer.session.other_models import OtherModels
from explorer.wording.labels import noun
from explorer.wording.sentences import ANOTHER_PHOTO, FACELESS, NOT_FINITE, OTHER_THINGS, of_another_model
from glowcore import AttributeVectors
from glowcore.errors import ImageError


@dataclass
class Desk:
    """The state of one session, and every operation that changes it.

    Attributes:
        history: the edit, with undo and redo.
        arrival: the last edit that was opened from a link or a file, with its parts that are missing here.
        other_models: the edits of the other models that were in use.
        photos: the photos of the session.
        crops: aligned pictures without their photo.
        own: attributes made or loaded in this session.
        note: one sentence for the user, or "".
        wanted: what the answer to the editor's last message holds; empty once it has been sent.
        answered: number of the last message of the editor that was handled.
        last_view: the edit that the editor last showed and its data, restored while no other picture can be made.
    """

    history: History
    arrival: Arrival = field(default_factory=Arrival)
    other_models: OtherModels = field(default_factory=OtherModels)
    photos: Album = field(default_factory=Album)
    crops: Crops = field(default_factory=Crops)
    own: OwnSliders = field(default_factory=OwnSliders)
    note: str = ""
    wanted: Wanted = NOTHING
    answered: MessageNumber = NO_MESSAGE
    last_view: tuple[History, dict[str, Any]] | None = None

    @property
    def recipe(self) -> EditRecipe:
        """The present edit."""
        return self.history.present

    @property
    def link(self) -> str:
        """The token for the address.

        While parts of an opened edit are missing and the user has changed nothing, it is the token of that edit.
        """
        unchanged = not self.arrival.complete and self.arrival.shown == self.recipe
        return (self.arrival.recipe if unchanged else self.recipe).token()

    def clear(self) -> None:
        """Drop everything but the present edit; callbacks and runs of an ended session may still refer to its parts."""
        for photo in self.photos.values():
            photo.drop_pixels()
        vars(self).update(vars(Desk(History(self.recipe))))

    # -- beginning, and changing the model ----------------------------------------------------------------
    @classmethod
    def arrive(cls, engine: Engine, token: str | None = None) -> Desk:
        """Return a desk with the edit of a link; without a link that can be followed, with ``greeting``."""
        desk = cls(History(greeting(engine)), other_models=OtherModels(depicts=noun(engine)))
        try:
            if token:
                desk.open(EditRecipe.from_token(token), engine)
        except RecipeError as error:
            desk.note = f"This link could not be read: {error}."
        desk.history = History(desk.recipe)  # the greeting was never shown, so undo must not lead to it
        return desk

    def open(self, recipe: EditRecipe, engine: Engine) -> None:
        """Make a recipe the present edit, as far as this model and the pictures of the session allow."""
        self.arrival = Arrival.of(recipe, engine, self._photo_keys)
        self.note = self.arrival.note
        self._push(self.arrival.shown)

    def adopt(self, engine: Engine) -> None:
        """Change to the model of ``engine``; nothing changes where it is in use already.

        A model that was in use before gets its own history back, with the present picture as a new step. A model that
        is new here starts with as much of the present edit as it can follow. Where the two models draw different
        things, no picture comes along: the new one starts with the last edit of its own things, or with ``greeting``.
        """
        if self.recipe.model == engine.model_hash:
            return
        before = self.other_models.leave(self.history, noun(engine))
        left = self.other_models.histories.pop(engine.model_hash, None)
        self.history = left or History(greeting(engine))
        if self.arrival.foreign and self.arrival.recipe.model == engine.model_hash:
            self.open(self.arrival.recipe, engine)  # the opened edit was made with this model
        elif before is None:
            self.note = OTHER_THINGS
            self._push(greeting(engine))
        else:
            self.note = of_another_model(self.own.unknown(before, engine))
            known = left and left.present
            self._push(self.other_models.returning(known, before, engine, self.crops, self._photo_keys))
        if left is None:
            self.history = History(self.recipe)  # without the greeting

    def stay(self) -> None:
        """Accept an opened edit as this model shows it, without its missing photo."""
        self.arrival, self.note = self.arrival.settled(), ""

    # -- changing the edit ----------------------------------------------------------------
    def start_from(self, source: Source, temperature: tuple[float, ...] | None = None) -> None:
        """Change the picture, and the temperature where one is given; the sliders stay.

        Another face of the same photo has its own edit, and a photo does not take over the greeting's.
        """
        recipe = self.history.faces.choose(source, self.recipe)
        if source.kind == "photo" and not self.arrival.awaited and self.history.shows_only((GREETING,)):
            recipe = recipe.reset()
        self.stay()
        self._push(replace(recipe, temperature=temperature or recipe.temperature))

    def draw(self, source: Source, temperature: tuple[float, ...]) -> None:
        """Change to a sampled picture; ``temperature`` is used where the present one is not kept.

        The temperature of a sampled picture is kept, but neither 0, at which all samples are the same picture, nor one
        per level, for which the page has no control.
        """
        before = self.recipe.temperature
        keep = self.recipe.source.kind == "seed" and len(before) == 1 and before[0] > 0
        self.start_from(source, before if keep else temperature)

    def warm(self, temperature: float) -> None:
        """Change the temperature of a sampled picture."""
        self.note = ""
        self._push(replace(self.recipe, temperature=(temperature,)))

    def move(self, moves: Mapping[str, float]) -> None:
        """Set sliders from outside the editor; locked ones are unlocked. What is missing of an opened edit stays so."""
        self.note = ""
        unlocked = replace(self.recipe, locks=tuple(name for name in self.recipe.locks if name not in moves))
        self._push(unlocked.moved(moves))

    def take_own(self, vectors: AttributeVectors) -> None:
        """Add attributes of the session, and apply the moves and locks of an opened edit that were waiting for them."""
        self.own = self.own.added(vectors)
        self.arrival, recipe = self.arrival.supplied(vectors.names, self.recipe)
        self._push(recipe)

    def drop_own(self, name: str, engine: Engine) -> None:
        """Remove an attribute of the session for the model in use, from the present edit and from every step."""
        self.own = self.own.dropped(name, engine)
        self.last_view = None  # its history may move the attribute
        self.history = self.history.mapped(lambda r: r.moved({name: 0.0}).locked(name, False))

    def place_eyes(self, points: Sequence[float], size: int) -> None:
        """Align the present photo by hand-placed eyes (x, y, x, y as fractions of its sides)."""
        photo = self.photo()
        if photo is None:
            return
        source = replace(photo.source, face=-1, eyes=tuple(points))
        try:
            photo.aligned(size, source)
        except ImageError as error:
            self.note = f"{error}."
            return
        self.start_from(source)

    # -- photos ----------------------------------------------------------------
    @contextmanager
    def batch(self) -> Iterator[None]:
        """A context whose uploads are one step of undo."""
        before = self.history
        yield
        if self.history is not before:
            known, history = (*before.past, before.present), self.history.one_choice_since(before)
            self._keep(history.without_lost(lambda r: r in known or bool(r.moves or r.locks)))

    def receive(self, data: bytes, engine: Engine) -> str:
        """Add a photo and start from it, or open the edit of a PNG exported here.

        Returns:
            The key of the picture that can be removed again: the photo, or the face inside the PNG; "" without one.

        Raises:
            ImageError: the data are not a picture.
            RecipeError: the edit inside the PNG is malformed.
        """
        if (content := recipe_png.read_png(data)) is not None:
            recipe, crop = content
            key = recipe.source.value
            brought = crop is not None and recipe.source.kind == "photo" and key not in self.photos
            if brought:
                self.crops.keep(recipe.source, crop)
            self.open(recipe, engine)
            return key if brought else ""
        photo = self.add_photo(data)
        awaited = self.arrival.awaited  # None where this is the awaited photo
        self.start_from(self.photos.source_of(photo.key))
        self.arrival = replace(self.arrival, awaited=awaited)
        faceless = noun(engine) == "face" and not photo.found
        self.note = " ".join([ANOTHER_PHOTO] * bool(awaited and awaited.is_file) + [FACELESS] * faceless)
        return photo.key

    def add_photo(self, data: bytes) -> Photo:
        """Add a photo; the edit changes only where an opened edit awaits this photo.

        Raises:
            ImageError: the data are not a picture.
        """
        photo = self.photos.get(photo_key(data)) or Photo.read(data)
        self.photos.keep(photo, self.recipe.source.value)
        awaited = self.arrival.awaited
        is_awaited = awaited is not None and awaited.value == photo.key
        self._push(replace(self.recipe, source=awaited) if is_awaited else self.recipe)
        self.arrival = replace(self.arrival, awaited=None if is_awaited else awaited)
        return photo

    def remove_photo(self, key: str, engine: Engine) -> None:
        """Remove a photo and everything cut out of it; all of its edits become edits of the greeting's face."""
        gone = {key} | self.crops.of(key)
        for name in gone:
            self.photos.drop(name)
            self.crops.drop(name)
        if self.recipe.source.value in gone:
            self.note = ""  # the note was about this photo
        first = greeting(engine).source
        self.history = self.history.mapped(lambda r: r.without_photo(gone, first))
        self.other_models.forget(gone)
        self.last_view = None  # it may show the photo

    def photo(self) -> Photo | None:
        """Return the photo of the present edit, None where it is not in the session."""
        return self.photos.get(self.recipe.source.value) if self.recipe.source.kind == "photo" else None

    def personal(self) -> str:
        """Return the key of the photo or crop that the present edit starts from; "" for a picture of a model."""
        source = self.recipe.source
        source = self.crops.lent.get(source.value, source)
        return source.value if source.kind == "photo" else ""

    def picture(self, recipe: EditRecipe, engine: Engine) -> np.ndarray | None:
        """Return the aligned picture that ``recipe`` starts from, None for a seed.

        Raises:
            GlowcoreError: as ``aligned_picture``.
        """
        source = recipe.source
        if source.kind == "photo" and source.value not in self.photos and source.value in self.crops:
            return self.crops[source.value]
        return aligned_picture(source, engine, self.photos.get(source.value))

    # -- the editor ----------------------------------------------------------------
    def handle(self, message: Any, engine: Engine) -> None:
        """Handle one message of the editor, once; an invalid message changes only ``note``."""
        if (number := newer(message, self.answered)) is None:
            return
        self.answered = number
        known = engine.attribute_names if engine.model_hash == self.recipe.model else ()  # else sent before a change
        self.wanted = Wanted.of(message, known)
        if message.get("op") in REQUESTS:
            return  # the editor sent this message, not the user: the note must stay until the user has read it
        self.note = ""
        try:
            self.history = reduce(self.history, message, known)
        except RecipeError as error:
            self.note = f"{error}."
            return
        self.photos.use(self.recipe.source)

    def prepare_view(self, engine: Engine) -> np.ndarray | None:
        """Make the present edit one that can be shown, and return the aligned picture that it starts from.

        The last steps are discarded while the model gives values that are not finite. The picture is kept for another
        model, which may lack it.

        Raises:
            GlowcoreError: as ``picture`` and ``Engine.render``.
        """
        picture = self.picture(self.recipe, engine)
        while self.history.past and not engine.render(self.recipe, picture).finite:
            self.history, self.note = self.history.taken_back(), NOT_FINITE
            picture = self.picture(self.recipe, engine)
        self.other_models.carry(self.recipe.source, picture)
        return picture

    def keep_view(self, data: dict[str, Any]) -> None:
        """Keep the editor's data of the present edit for ``restore_view``."""
        self.last_view = self.history, data

    def restore_view(self) -> dict[str, Any] | None:
        """Go back to the last edit of the model in use that could be shown, and return its data; None without one."""
        if self.last_view is None or self.last_view[0].present.model != self.recipe.model:
            return None
        self._keep(self.last_view[0])
        return self.last_view[1]

    @property
    def _photo_keys(self) -> set[str]:
        """The keys of the photos in the session, whole or cut out."""
        return {*self.photos, *self.crops}

    def _push(self, recipe: EditRecipe) -> None:
        self.wanted = NOTHING
        photo = self.photos.get(recipe.source.value)
        if photo is not None:  # the number of a face may be that of a link
            recipe = replace(recipe, source=photo.clamped(recipe.source))
        self.photos.use(recipe.source)
        self._keep(self.history.push(recipe))

    def _keep(self, history: History) -> None:
        keys = self._photo_keys  # undo must not lead to a photo that the album has dropped
        self.history = history.without_lost(lambda r: r.source.kind != "photo" or r.source.value in keys)
