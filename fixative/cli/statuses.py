"""The statuses of a job, as the API names them."""

WAY = ("queued", "submitting", "starting", "processing", "storing", "succeeded")
FINAL = ("succeeded", "failed", "canceled")
ALL = (*WAY, "failed", "canceled")
