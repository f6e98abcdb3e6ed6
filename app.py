"""The application: page settings and navigation. `streamlit run app.py`, or `make app`.

The file is read in two ways. The server imports it for `app`, which bounds what visitors may upload; every run of a
visitor's page executes it as a script.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from explorer.turns import Busy
from explorer.upload_bounds import UploadBounds

HERE = Path(__file__).parent


def page() -> None:
    """One run for one visitor."""
    from explorer.ui.frame import busy  # here: the server, which only wants `app`, need not load the library

    icon, pages = HERE / ".streamlit" / "icon.png", HERE / "explorer" / "ui" / "pages"
    st.set_page_config(
        page_title="Glow explorer", page_icon=str(icon), layout="wide", initial_sidebar_state="collapsed"
    )
    st.html(HERE / "explorer" / "ui" / "page.css")
    # Pages carry no material icon: the browser would fetch it as a favicon from a font server.
    chosen = st.navigation(
        [
            st.Page(pages / "edit.py", title="Edit", url_path="edit", default=True),
            st.Page(pages / "reconstruct.py", title="Reconstruct", url_path="reconstruct"),
            st.Page(pages / "mix.py", title="Mix", url_path="mix"),
            st.Page(pages / "sample.py", title="Sample", url_path="sample"),
            st.Page(pages / "map.py", title="Map", url_path="map"),
            st.Page(pages / "attributes.py", title="Attributes", url_path="attributes"),
            st.Page(pages / "models.py", title="Models", url_path="models"),
        ],
        position="top",
    )
    try:
        chosen.run()
    except Busy as error:
        busy(error)


def alive(session: str) -> bool:
    """Whether a visitor is connected."""
    return st.runtime.get_instance().is_active_session(session)


if __name__ == "__main__":
    page()
else:
    app = st.App(__file__, middleware=[Middleware(UploadBounds, alive=alive)])
