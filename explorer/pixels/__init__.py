"""Pictures as arrays, in files and in the browser, and what is kept of them."""
