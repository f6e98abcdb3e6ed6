"""The application: page settings and navigation. `streamlit run app.py`, or `make app`."""

from pathlib import Path

import streamlit as st

ICON = Path(__file__).parent / ".streamlit" / "icon.png"
PAGES = Path(__file__).parent / "explorer" / "ui" / "pages"

st.set_page_config(page_title="Glow explorer", page_icon=str(ICON), layout="wide", initial_sidebar_state="collapsed")

# Pages carry no material icon: the browser would fetch it as a favicon from a font server.
pages = [
    st.Page(PAGES / "edit.py", title="Edit", url_path="edit", default=True),
    st.Page(PAGES / "reconstruct.py", title="Reconstruct", url_path="reconstruct"),
    st.Page(PAGES / "mix.py", title="Mix", url_path="mix"),
    st.Page(PAGES / "sample.py", title="Sample", url_path="sample"),
    st.Page(PAGES / "map.py", title="Map", url_path="map"),
    st.Page(PAGES / "attributes.py", title="Attributes", url_path="attributes"),
    st.Page(PAGES / "models.py", title="Models", url_path="models"),
]
st.navigation(pages, position="top").run()
