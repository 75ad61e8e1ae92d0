"""Addresses of the API, below `/v1/`."""

from __future__ import annotations

from ninja import NinjaAPI

from orders.api.cart_endpoints import router as cart
from orders.api.merchant_endpoints import router as merchant
from orders.api.setup_endpoints import router as setup

API = NinjaAPI(
    title="CartRover API",
    version="1",
    description="The API that programs know from CartRover, served by this hub.",
    urls_namespace="api",
    openapi_url=None,
    docs_url=None,
)
ROUTERS = (cart, merchant, setup)
for router in ROUTERS:
    API.add_router("", router)

urlpatterns = API.urls[0]
