"""Limits as values: settings.py fills them, services read them, the upload page shows them."""

from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True)
class UploadLimits:
    """What one file may be, for everybody."""

    file_bytes: int = 100 * MB
    pages_per_file: int = 500
    page_pixels: int = 80_000_000
    """Decoded whole: everything else."""
    jpeg_pixels: int = 200_000_000
    """JPEG, and TIFF in strips: made smaller while they are decoded, so that pixels cost less."""
    side_pixels: int = 30_000
    files_per_request: int = 100
    """No person's files_per_batch goes beyond it; a request's length is judged before its sender
    is known."""
    disk_reserve_bytes: int = 256 * MB
    """Free space below which uploads are refused, so that the database can always write."""

    @property
    def body_bytes(self) -> int:
        """A whole request: every file at its limit, and room for the multipart frame."""
        return self.files_per_request * self.file_bytes + MB


@dataclass(frozen=True)
class UserLimits:
    """What one person may use. The site's are in settings.py; groups and persons may differ."""

    storage_limit_bytes: int = 2048 * MB
    pages_per_month: int = 10_000
    files_per_batch: int = 10
    open_jobs: int = 100


@dataclass(frozen=True)
class JobLimits:
    """Figures of the lease machinery; see DECISIONS.md 5 for where each comes from."""

    lease_seconds: int = 30
    heartbeat_seconds: int = 5
    child_deaths: int = 3
    """A page whose decoder or engine child died this often is quarantined."""
    worker_losses: int = 8
    """Higher: a worker vanishes for reasons that are not the page's fault."""
    backoff_seconds: float = 2.0
    """A page waits so long after its first child died, four times as long after each more."""
    backoff_losses: int = 2
    """Workers that may vanish with a page before it waits: at first it is most likely innocent."""
    longest_backoff_seconds: float = 20.0
    drain_seconds: int = 60
    due_unclaimed_seconds: int = 10
    silence_seconds: int = 15
