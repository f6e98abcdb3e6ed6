"""The pages. Nothing outside of this package and `app.py` imports Streamlit."""
