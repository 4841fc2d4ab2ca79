"""The catalogue of hostile input: files made by code, and what must become of each."""
