from typing import Any

SOURCE_HASH: str

def __getattr__(name: str) -> Any: ...
