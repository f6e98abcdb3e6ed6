"""The application on top of glowcore: edits as values, an engine that renders them, and web pages.

Everything outside ``explorer.ui`` is independent of Streamlit: a notebook or a script can edit a photo with it in a few
lines, and the tests need no browser.
"""
