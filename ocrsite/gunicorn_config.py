"""How gunicorn serves; where and with how many processes is said by documents/supervisor.py."""

import gc
from typing import Any

from documents.lifelines import install_fork_lifeline

wsgi_app = "ocrsite.wsgi:application"
worker_class = "gthread"
threads = 4
preload_app = False

# A worker whose main loop is silent for this long is replaced. An upload may take longer: threads
# wait for it, and the loop goes on.
timeout = 60
graceful_timeout = 8
keepalive = 5

# Workers are replaced one by one, so that what leaks in a library does not add up.
max_requests = 2000
max_requests_jitter = 400

limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190

loglevel = "warning"
proc_name = "documents-web"
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """What was loaded stays for good: the collector need not go through it with every tenth of a
    second that a request then waits."""
    gc.collect()
    gc.freeze()


def on_starting(server: Any) -> None:
    """Workers die with their master, even when it is killed."""
    install_fork_lifeline()
