"""Networks: forward only. No losses, no loading of data, no printing."""
