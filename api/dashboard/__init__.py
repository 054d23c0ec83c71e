"""The dashboard: pages for people, made here, of the same functions as the API's answers."""
