"""What one user works on: the edit with its history, and the photos it may start from.

A `Desk` belongs to one session and knows neither the page nor the model. Photos live here only, in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from explorer.catalogue.imagined import Imagined
from explorer.edits import recipe_png
from explorer.edits.actions import reduce
from explorer.edits.history import History
from explorer.edits.messages import NO_MESSAGE, MessageNumber, newer
from explorer.edits.recipe import EditRecipe, RecipeError, Source
from explorer.engines.engine import Engine
from explorer.own.sliders import OwnSliders
from explorer.portraits.photos import Photo, photo_key
from explorer.session.album import Album, Crops
from explorer.session.elsewhere import Elsewhere
from explorer.session.fitting import Arrival, greeting
from explorer.session.sources import aligned_picture
from explorer.wording.labels import noun
from explorer.wording.sentences import ANOTHER_PHOTO, FACELESS, OTHER_THINGS
from glowcore import AttributeVectors
from glowcore.errors import ImageError


@dataclass
class Desk:
    """The state of one session.

    Attributes:
        history: the edit, with undo and redo; None until a model is there.
        arrival: the last edit from elsewhere, with what of it is not here.
        elsewhere: the edits of the other models that were in use.
        photos: the photos at hand.
        crops: aligned pictures that are here without their photo.
        own: attributes made or loaded in this session.
        note: one sentence for the user, "" when there is nothing to say.
        strip_for: the attribute whose slider the hand has just been laid on.
        answered: number of the last message of the editor that was dealt with.
    """

    history: History | None = None
    arrival: Arrival = field(default_factory=Arrival)
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    photos: Album = field(default_factory=Album)
    crops: Crops = field(default_factory=Crops)
    own: OwnSliders = field(default_factory=OwnSliders)
    note: str = ""
    strip_for: str | None = None
    answered: MessageNumber = NO_MESSAGE

    @property
    def recipe(self) -> EditRecipe:
        """The present edit."""
        if self.history is None:
            raise RecipeError("there is no edit yet")
        return self.history.present

    @property
    def link(self) -> str:
        """The token for the address: of the edit as it came, while it lacks something and nothing was edited."""
        as_it_came = not self.arrival.complete and self.arrival.shown == self.recipe
        return (self.arrival.recipe if as_it_came else self.recipe).token()

    # -- arriving ----------------------------------------------------------------
    def arrive(self, engine: Engine, token: str | None) -> None:
        """Begin: with the edit of a link where it can be followed, else with a gallery face that smiles a little."""
        self.history, self.elsewhere.depicts = History(greeting(engine)), noun(engine)
        if token:
            self.follow(token, engine)
            self.history = History(self.recipe)  # nobody has seen the greeting, so nothing leads back to it

    def follow(self, token: str, engine: Engine) -> None:
        """Open the edit of a link; what cannot be followed leaves the present edit and a sentence in `note`."""
        try:
            recipe = EditRecipe.from_token(token)
        except RecipeError as error:
            self.note = f"This link could not be read: {error}."
            return
        self.open(recipe, engine)

    def open(self, recipe: EditRecipe, engine: Engine) -> None:
        """Make a recipe from elsewhere the present edit, as far as this model and the pictures at hand allow."""
        self.arrival = Arrival.of(recipe, engine, self._at_hand)
        self.note = self.arrival.note
        self._push(self.arrival.shown)

    def adopt(self, engine: Engine) -> None:
        """Another model has been chosen: its edit comes back as it was left, undo and all, with the present picture.

        A model that is new here starts with as much of the present edit as it can follow. To one of other things than
        the model before it no picture comes along: it starts with the last edit of its own things, or the greeting.
        """
        if self.history is None or self.recipe.model == engine.model_hash:
            return
        before = self.elsewhere.leave(self.history, noun(engine))
        self.history = self.elsewhere.come_back(engine.model_hash)
        if self.arrival.foreign and self.arrival.recipe.model == engine.model_hash:
            self.open(self.arrival.recipe, engine)  # an edit that is at home here
            return
        self.note = "" if before else OTHER_THINGS
        if before is None:
            self._push(greeting(engine))
            return
        left = self.history and self.history.present
        self._push(self.elsewhere.returning(left, before, engine, self.crops, self._at_hand))

    def stay(self) -> None:
        """Go on with this model's version of an edit that was made with another, and without the photo it asks for."""
        self.arrival, self.note = self.arrival.settled(), ""

    def warm(self, temperature: float) -> None:
        """The same seed at another temperature."""
        self._push(replace(self.recipe, temperature=(temperature,)))

    def start_from(self, source: Source) -> None:
        """Another picture under the same sliders."""
        self.stay()
        self._push(replace(self.recipe, source=source))

    def draw(self, source: Source, temperature: tuple[float, ...]) -> None:
        """A sampled picture under the same sliders: at the temperature of the one before it, else at `temperature`.

        At 0 all pictures are one, and values of single levels have no control beside the editor: neither is kept.
        """
        before = self.recipe.temperature
        kept = self.recipe.source.kind == "seed" and len(before) == 1 and before[0] > 0
        self.stay()
        self._push(replace(self.recipe, source=source, temperature=before if kept else temperature))

    def imagine(self, one: Imagined) -> None:
        """A picture that the model's author recommends, as recommended, under the same sliders."""
        self.stay()
        self._push(replace(self.recipe, source=one.source, temperature=(one.temperature,)))

    def move(self, name: str, strength: float) -> None:
        """A slider moved from elsewhere than the editor, where a locked one is opened."""
        self._push(self.recipe.moved({name: strength}).locked(name, False))

    def take_own(self, vectors: AttributeVectors) -> None:
        """Take in attributes of one's own; moves of theirs that a link has asked for are made."""
        self.own = self.own.added(vectors)
        absent = self.arrival.absent
        waiting = {name: value for name, value in absent if name in vectors.names}
        self.arrival = replace(self.arrival, absent=tuple(move for move in absent if move[0] not in waiting))
        if waiting and self.history is not None:
            self._push(self.recipe.moved(waiting))

    def drop_own(self, name: str, engine: Engine) -> None:
        """Forget an own attribute of the model in use; the edit goes on without it, and no undo leads back to it."""
        self.own = self.own.dropped(name, engine)

        def without(recipe: EditRecipe) -> EditRecipe:
            return recipe.moved({name: 0.0}).locked(name, False)

        self.history = self.history and self.history.mapped(without)

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
        """What comes within comes at once: an undo leads back to before it, not through photos that nobody chose."""
        before = self.history
        yield
        if before is not None and self.history is not None and self.history is not before:
            self._keep(self.history.one_choice_since(before))

    def receive(self, data: bytes, engine: Engine) -> str:
        """Take in a photo, or a PNG exported here, which brings its edit back. ImageError for anything else.

        Gives the key of what can be removed again: of the photo, or of the face inside the PNG; "" where there is none.
        """
        inside = recipe_png.read_png(data)
        if inside is not None:
            recipe, crop = inside
            key = recipe.source.value
            brought = crop is not None and recipe.source.kind == "photo" and key not in self.photos
            if brought:
                self.crops.keep(recipe.source, crop)
            self.open(recipe, engine)
            return key if brought else ""
        photo = self.add_photo(data)
        awaited = self.arrival.awaited  # still, where this is another photo
        self.start_from(self.photos.source_of(photo.key))
        self.arrival = replace(self.arrival, awaited=awaited)
        sought = noun(engine) == "face" and not photo.found
        said = (ANOTHER_PHOTO if awaited and awaited.is_file else "", FACELESS if sought else "")
        self.note = " ".join(filter(None, said))
        return photo.key

    def add_photo(self, data: bytes) -> Photo:
        """Take a photo in; no edit starts from it, but the one that waits for it has it. ImageError when it is none."""
        photo = self.photos.get(photo_key(data)) or Photo.read(data)
        self.photos.keep(photo, self.recipe.source.value if self.history else "")
        awaited = self.arrival.awaited
        waits = awaited is not None and awaited.value == photo.key
        if self.history:
            self._push(replace(self.recipe, source=awaited) if waits else self.recipe)
        if waits:
            self.arrival = replace(self.arrival, awaited=None)
            self.history = self.history and self.history.with_face(self.recipe)
        return photo

    def remove_photo(self, key: str, engine: Engine) -> None:
        """Forget a photo and all that was cut out of it; its edits, past ones too, are now of the first face."""
        gone = {key} | self.crops.of(key)
        for name in gone:
            self.photos.drop(name)
            self.crops.drop(name)
        if self.history and self.recipe.source.value in gone:
            self.note = ""  # which was about it

        first = greeting(engine).source
        self.history = self.history and self.history.mapped(lambda r: r.without_photo(gone, first))
        self.elsewhere.forget(gone)

    def photo(self) -> Photo | None:
        """The photo of the present edit, where it is at hand."""
        return self.photos.get(self.recipe.source.value) if self.recipe.source.kind == "photo" else None

    def personal(self) -> str:
        """The key of the photo, or of the crop without it, that the present edit is of; "" for a picture of a model."""
        source = self.recipe.source
        source = self.crops.lent.get(source.value, source)
        return source.value if source.kind == "photo" else ""

    def picture(self, recipe: EditRecipe, engine: Engine) -> np.ndarray | None:
        """The aligned picture that `recipe` starts from; None for a seed."""
        source = recipe.source
        if source.kind == "photo" and source.value not in self.photos and source.value in self.crops:
            return self.crops[source.value]
        picture = aligned_picture(source, engine, self.photos.get(source.value))
        if picture is not None and source == self.recipe.source:
            self.elsewhere.seen = (source, picture)
        return picture

    # -- the editor ----------------------------------------------------------------
    def handle(self, message: Any, engine: Engine) -> None:
        """Deal with one message of the editor, once; nonsense changes nothing and is told."""
        number = newer(message, self.answered)
        if number is None:
            return
        self.answered = number
        self.strip_for = None  # a strip is sent once, in answer to its message
        if message.get("op") == "strip":
            # The editor asks for strips by itself: what there is to say must not go before somebody has read it.
            name = message.get("name")
            self.strip_for = name if name in engine.attribute_names else None
            return
        self.note = ""
        try:
            self.history = reduce(self.history, message, engine.attribute_names)
        except RecipeError as error:
            self.note = f"{error}."
            return
        self.photos.use(self.recipe.source)

    def take_back(self, note: str) -> None:
        """The last move led nowhere: the edit before it is the present again, and nothing leads back to it."""
        self.history = self.history.taken_back()
        self.note = note

    @property
    def _at_hand(self) -> set[str]:
        """The keys of the photos that are here, whole or cut out."""
        return {*self.photos, *self.crops}

    def _push(self, recipe: EditRecipe) -> None:
        self.strip_for = None
        self.photos.use(recipe.source)
        self._keep(History(recipe) if self.history is None else self.history.push(recipe))

    def _keep(self, history: History) -> None:
        here = self._at_hand  # photos give way to others: no undo leads to one that has
        self.history = history.without_lost(lambda r: r.source.kind != "photo" or r.source.value in here)
