# The compiled loops, bound in native/python; their callers inside mixot check what goes in.
from typing import Any

def __getattr__(name: str) -> Any: ...
