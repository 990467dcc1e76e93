"""An OpenAI-compatible server as backend."""

from .backend import ServerBackend
from .settings import AUTO, URL, ServerSettings

__all__ = ["AUTO", "URL", "ServerBackend", "ServerSettings"]
