"""How Django writes times where nobody says otherwise, a folder a language."""
