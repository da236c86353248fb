"""From the text of an answer to the call and the program in it."""
