"""What reads an untrusted file: loaded by fork servers, run in decoder children, nowhere else."""
