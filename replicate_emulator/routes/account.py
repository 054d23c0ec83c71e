"""What belongs to the account: itself, the hardware it may use, its webhook secret."""

from aiohttp import web

from replicate_emulator.answers import WORLD, json_answer
from replicate_emulator.shapes import account_json

routes = web.RouteTableDef()


@routes.get("/v1/account")
async def get_account(request: web.Request) -> web.StreamResponse:
    """Whose token this is: always the one account there is, by the name it was given."""
    return json_answer(account_json(request.app[WORLD].config.account))


@routes.get("/v1/hardware")
async def list_hardware(_request: web.Request) -> web.StreamResponse:
    """A bare list: this one is not paginated."""
    return json_answer(
        [
            {"name": "CPU", "sku": "cpu"},
            {"name": "Nvidia T4 GPU", "sku": "gpu-t4"},
            {"name": "Nvidia L40S GPU", "sku": "gpu-l40s"},
        ]
    )


@routes.get("/v1/webhooks/default/secret")
async def get_webhook_secret(request: web.Request) -> web.StreamResponse:
    """The key that webhooks are signed with."""
    return json_answer({"key": request.app[WORLD].config.webhook_secret})
