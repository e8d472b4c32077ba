"""A snapshot of SKUs that are as large as they may be."""

from google.protobuf.empty_pb2 import Empty

from inventory.domain.limits import CATEGORY_BYTES_MAX, NAME_BYTES_MAX
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import watch_service_pb2 as pb2
from tests.rpc.client import Client, new_id, unique

MESSAGE_BYTES_MAX = 1024 * 1024


async def test_a_snapshot_of_large_skus_comes_in_messages_below_1_mib(client: Client) -> None:
    skus = [
        catalog_pb2.Sku(
            sku=unique("sku"),
            name="n" * NAME_BYTES_MAX,
            category="c" * CATEGORY_BYTES_MAX,
            attributes={f"a{number}": "v" * 900 for number in range(4)},
        )
        for number in range(1_000)
    ]
    for start in range(0, len(skus), 500):
        answer = await client.catalog.ImportCatalog(
            catalog_pb2.ImportCatalogRequest(request_id=new_id(), skus=skus[start : start + 500])
        )
        assert answer.revision
    call = client.watch.Watch(pb2.WatchRequest(snapshot=Empty(), kinds=[pb2.CHANGE_KIND_SKU]))
    sizes = []
    async for message in call:
        sizes.append(message.ByteSize())
        if message.HasField("bookmark"):
            break
    call.cancel()
    assert max(sizes) < MESSAGE_BYTES_MAX
