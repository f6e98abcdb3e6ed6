"""The application: page settings and navigation. ``streamlit run app.py``, or ``make app``.

The file is used in two ways. The server imports it for ``app``, whose middleware limits uploads. Every run of a
visitor's page executes it as a script.
"""

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from explorer.server.upload_bounds import UploadBounds
from explorer.ui import delivery, visitors
from glowcore.errors import ConfigError, GlowcoreError

HERE = Path(__file__).parent


@st.fragment(run_every=timedelta(days=1))
def rerun_on_reconnect() -> None:
    """Draw nothing.

    Because of ``run_every``, the browser reruns the page as soon as it reconnects. Otherwise the first click after a
    restart would arrive with the session's first run, before any widget exists, and be lost.
    """


def page() -> None:
    """Run the page that the visitor has chosen."""
    # Imported here because the server needs only `app`, not the library; it answers a second sooner.
    from explorer.ui import state
    from explorer.ui.components.address import address
    from explorer.ui.components.clicks import clicks
    from explorer.ui.components.uploads import uploads
    from explorer.ui.frame import show_failure

    icon, pages = HERE / ".streamlit" / "icon.png", HERE / "explorer" / "ui" / "pages"
    st.html(HERE / "explorer" / "ui" / "page.css")
    rerun_on_reconnect()
    # Pages have no material icon: the browser would fetch it as a favicon from a font server.
    edit = st.Page(pages / "edit.py", title="Edit", url_path="", default=True)

    def redirect_to_edit() -> None:
        state.arrived_with()
        st.switch_page(edit, query_params=st.query_params.to_dict())

    chosen = st.navigation(
        [
            edit,
            st.Page(pages / "reconstruct.py", title="Reconstruct", url_path="reconstruct"),
            st.Page(pages / "mix.py", title="Mix", url_path="mix"),
            st.Page(pages / "sample.py", title="Sample", url_path="sample"),
            st.Page(pages / "map.py", title="Map", url_path="map"),
            st.Page(pages / "attributes.py", title="Attributes", url_path="attributes"),
            st.Page(pages / "models.py", title="Models", url_path="models"),
            # Edit is at the root; /edit redirects there, with the edit of a link.
            st.Page(redirect_to_edit, title="Edit", url_path="edit", visibility="hidden"),
        ],
        position="top",
    )
    title = f"{chosen.title} · glowcore explorer"
    st.set_page_config(page_title=title, page_icon=str(icon), layout="wide", initial_sidebar_state="collapsed")
    try:
        chosen.run()
    except GlowcoreError as error:
        show_failure(error)
    uploads(visitors.bounds())
    clicks()
    if chosen is not edit and (token := state.token()):
        # A key for each page: a shared one would keep the value of another page.
        address({state.TOKEN: token}, key=f"address {chosen.title}")


@asynccontextmanager
async def import_torch(_app: st.App) -> AsyncIterator[None]:
    """Import torch in a thread once the server runs, so that the first visitor need not wait for all of it."""
    threading.Thread(target=import_module, args=("torch",), name="import torch").start()
    yield


def settings_or_exit() -> None:
    """End the server with an error message and exit code 2 if a setting is invalid."""
    try:
        visitors.bounds()
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    try:
        page()
    finally:  # also after st.stop()
        delivery.wait_until_sent()
else:
    # Streamlit searches the text of this file for the name to which an `st.App` is assigned.
    app = st.App(
        __file__,
        lifespan=import_torch,
        middleware=[
            Middleware(UploadBounds, alive=visitors.note_if_connected, close=visitors.close, bounds=visitors.bounds)
        ],
    )
    settings_or_exit()
