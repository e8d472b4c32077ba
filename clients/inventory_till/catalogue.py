"""What the till knows of SKUs by itself, so that it finds them while the server is away."""

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory_till.sale import Item


class Catalogue:
    """By code and by barcode; a code comes before a barcode that reads the same."""

    def __init__(self) -> None:
        self._by_code: dict[str, Item] = {}
        self._by_barcode: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._by_code)

    def put(self, sku: catalog_pb2.Sku) -> Item:
        item = Item(sku.sku, sku.name, sku.unit, sku.unit_digits, sku.tracking == catalog_pb2.TRACKING_SERIALS)
        self._by_code[sku.sku] = item
        self._by_barcode |= dict.fromkeys(sku.barcodes, sku.sku)
        return item

    def find(self, code: str) -> Item | None:
        return self._by_code.get(code) or self._by_code.get(self._by_barcode.get(code, ""))
