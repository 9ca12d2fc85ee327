"""Where the time goes: `with autograd.profile() as p: ...`, then print(p) or p.export_chrome_trace("trace.json")."""

from autograd.profiler.profile import profile, record_function
from autograd.profiler.table import Total

__all__ = ["Total", "profile", "record_function"]
