"""Files that are whole or not there, and are not believed before they are checked."""
