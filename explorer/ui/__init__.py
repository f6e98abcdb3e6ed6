"""The pages of the application; only this package and ``app.py`` import Streamlit."""
