"""What the server does not do."""

from tests.deploy.manifests import Manifest


class Refused(Exception):
    """Told in Kubernetes' words."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason

    def as_status(self) -> Manifest:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": self.code,
            "reason": self.reason,
            "message": str(self),
        }
