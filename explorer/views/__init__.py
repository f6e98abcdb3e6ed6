"""What pages show beside the edit, and the files they save; independent of Streamlit."""
