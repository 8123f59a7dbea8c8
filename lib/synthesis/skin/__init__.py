"""The skin of made-up people: colour, gloss and relief in the texture chart."""
