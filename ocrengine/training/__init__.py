"""Training our networks from pixels we render ourselves. Nothing that reads pages imports this."""

import os

# A cache entry per shape of a batch, and each keeps its buffers; read when torch is imported.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
