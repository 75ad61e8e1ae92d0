"""Addresses of the API, below `/v1/`."""

from __future__ import annotations

from ninja import NinjaAPI

from orders.api.cart_endpoints import router as cart
from orders.api.merchant_endpoints import router as merchant

API = NinjaAPI(
    title="CartRover API",
    version="1",
    description="The API that programs know from CartRover, served by this hub.",
    urls_namespace="api",
    openapi_url=None,
    docs_url=None,
)
API.add_router("", cart)
API.add_router("", merchant)

urlpatterns = API.urls[0]
