"""The staff's door: what is going on, and the same services as at the other doors.

Rows change through services/, never through a form, so that quotas, leases and files cannot drift
from their tables. The exceptions are what staff alone decide: limits, policies, pauses.
"""

from documents.admin import audit, guests, people, upkeep, work

__all__ = ["audit", "guests", "people", "upkeep", "work"]
