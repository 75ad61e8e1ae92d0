"""Files that are read once more: what would become of them is shown first, and no order comes twice."""

from __future__ import annotations

from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from cartrover.accounts.models import Role
from connectors.models import ServiceName
from orders.acts.jobs import run_job
from orders.models import InboundDocument, Job, JobState, Order, OutboundMessage
from orders.pipeline.retrieve import stored_bytes
from tests.factories import MembershipFactory
from tests.hub import Hub


def _work(hub: Hub, client: Client, path: str, fields: dict[str, object]) -> Job:
    answer = client.post(f"/a/acme/connections/{hub.cart.public_id}/backfill/{path}", fields)
    assert answer.status_code == 302, answer.content.decode()
    job = Job.objects.for_account(hub.account).get(public_id=answer["Location"].split("/")[-2])
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    return job


def test_lost_orders_come_back_from_kept_files_archive_and_upload_and_none_comes_twice(hub: Hub) -> None:
    client = Client()
    client.force_login(MembershipFactory.create(account=hub.account, role=Role.OPERATOR).user)
    hub.place(count=3, skus=["CAP-001"])
    hub.run(ServiceName.ORDER_DOWNLOAD)
    lost = Order.objects.for_account(hub.account).first()
    assert lost is not None
    OutboundMessage.objects.for_account(hub.account).filter(order=lost).delete()
    lost.delete()
    today = timezone.now().date()
    days = {"since": str(today - timedelta(days=1)), "until": str(today + timedelta(days=1)), "archive": "on"}
    looked = _work(hub, client, "", days)
    assert [entry["counts"] for entry in looked.found] == [{"refused": 0, "rows": 3, "known": 2, "new": 1}]
    assert Order.objects.for_account(hub.account).count() == 2
    page = client.get(f"/a/acme/work/{looked.public_id}/").content.decode()
    assert "2 known" in page
    assert "Read these files" in page
    load = _work(hub, client, f"{looked.public_id}/load/", {})
    assert "waits to be read" in client.get(f"/a/acme/work/{load.public_id}/now/").content.decode().lower()
    hub.run(ServiceName.ORDER_DOWNLOAD)
    assert Order.objects.for_account(hub.account).count() == 3
    assert "1 order" in client.get(f"/a/acme/work/{load.public_id}/now/").content.decode()
    document = InboundDocument.objects.for_account(hub.account).get()
    file = SimpleUploadedFile("Again.csv", b"".join(stored_bytes(document)))
    again = _work(hub, client, "", {"file": file})
    assert again.found[0]["counts"]["known"] == 3
    assert "Nothing of this is new" in client.get(f"/a/acme/work/{again.public_id}/").content.decode()
    _work(hub, client, f"{again.public_id}/load/", {})
    hub.run(ServiceName.ORDER_DOWNLOAD)
    assert Order.objects.for_account(hub.account).count() == 3
