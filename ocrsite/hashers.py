"""Argon2 within a small machine's means."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class LeanArgon2(Argon2PasswordHasher):
    """19 MiB, two passes, one lane: OWASP's first choice. Django's 100 MiB, times a few people who
    log in at once, is a web process that the kernel kills on 2 GB."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
