"""The application: page settings and navigation. `streamlit run app.py`, or `make app`.

The file is read in two ways. The server imports it for `app`, which bounds what visitors may upload; every run of a
visitor's page executes it as a script.
"""

import sys
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from explorer.server.upload_bounds import UploadBounds
from explorer.ui import visitors
from glowcore.errors import ConfigError, GlowcoreError

HERE = Path(__file__).parent


def page() -> None:
    """One run for one visitor."""
    # Here: the server, which only wants `app`, need not load the library.
    from explorer.ui import state
    from explorer.ui.components.address import address
    from explorer.ui.components.focus import focus
    from explorer.ui.components.uploads import uploads
    from explorer.ui.frame import show_failure

    icon, pages = HERE / ".streamlit" / "icon.png", HERE / "explorer" / "ui" / "pages"
    st.html(HERE / "explorer" / "ui" / "page.css")
    # Pages carry no material icon: the browser would fetch it as a favicon from a font server.
    edit = st.Page(pages / "edit.py", title="Edit", url_path="", default=True)

    def at_its_name() -> None:
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
            # Edit is at the root; who types its name as that of any other page is led there, with the edit of a link.
            st.Page(at_its_name, title="Edit", url_path="edit", visibility="hidden"),
        ],
        position="top",
    )
    title = f"{chosen.title} · Glow explorer"
    st.set_page_config(page_title=title, page_icon=str(icon), layout="wide", initial_sidebar_state="collapsed")
    try:
        chosen.run()
    except GlowcoreError as error:
        show_failure(error)
    uploads(visitors.bounds())
    focus()
    if chosen is not edit and (token := state.token()):
        address({state.TOKEN: token}, key=f"address {chosen.title}")  # one page's would stay as it is on the next


def settings_or_exit() -> None:
    """End the server with one sentence and exit code 2 where a setting makes no sense."""
    try:
        visitors.bounds()
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    page()
else:
    # Streamlit looks in the text of this file for the name that an `st.App` is given.
    app = st.App(__file__, middleware=[Middleware(UploadBounds, alive=visitors.alive, bounds=visitors.bounds)])
    settings_or_exit()
