"""What pages show, and the files they save; without Streamlit."""
