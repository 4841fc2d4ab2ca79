"""How large and how busy it may become: lists over a filled database, and uploads under load.

`make scale` measures on the database that DATABASE_URL names, and writes docs/scale.md. Outside the
tests, since it takes minutes; tests/documents/test_lists.py walks the same lists over a few rows.
"""
