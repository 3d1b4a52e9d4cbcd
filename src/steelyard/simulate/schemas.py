"""The tables of a shop and their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pyarrow as pa

from steelyard.simulate.columns import DATE, MONEY, TEXT, TIME

__all__ = ["FIXED_TABLES", "KEYS", "SCHEMAS"]

_ID, _COUNT = pa.int64(), pa.int32()


def _schema(required: Mapping[str, object], **optional: object) -> pa.Schema:
    fields = [pa.field(name, cast("Any", kind), nullable=False) for name, kind in required.items()]
    return pa.schema(fields + [pa.field(name, cast("Any", kind)) for name, kind in optional.items()])


SCHEMAS: dict[str, pa.Schema] = {
    "customers": _schema(
        {"customer_id": _ID, "joined_on": DATE, "country": TEXT, "region": TEXT, "time_zone": TEXT, "currency": TEXT}
        | {"tier": TEXT, "birth_year": _COUNT, "accepts_email": pa.bool_()}
    ),
    "visitors": _schema(
        {"visitor_id": _ID, "first_seen_at": TIME, "device": TEXT, "browser": TEXT, "country": TEXT, "region": TEXT}
        | {"time_zone": TEXT},
        customer_id=_ID,
        identified_at=TIME,
    ),
    "products": _schema(
        {"product_id": _ID, "product": pa.string(), "category": pa.string(), "list_price": MONEY, "cost": MONEY}
        | {"goes_with": _ID}
    ),
    "sessions": _schema(
        {"session_id": _ID, "visitor_id": _ID, "started_at": TIME, "ended_at": TIME, "device": TEXT, "channel": TEXT}
        | {"country": TEXT, "region": TEXT, "product_views": _COUNT, "latency_ms": _COUNT},
        customer_id=_ID,
    ),
    "events": _schema(
        {"event_id": _ID, "event": TEXT, "visitor_id": _ID, "session_id": _ID, "occurred_at": TIME, "loaded_at": TIME}
        | {"device": TEXT, "channel": TEXT, "country": TEXT},
        customer_id=_ID,
        product_id=_ID,
    ),
    "orders": _schema(
        {"order_id": _ID, "session_id": _ID, "visitor_id": _ID, "ordered_at": TIME, "status": TEXT, "amount": MONEY}
        | {"currency": TEXT, "country": TEXT, "device": TEXT, "channel": TEXT},
        customer_id=_ID,
    ),
    "order_lines": _schema(
        {"order_id": _ID, "line_number": _COUNT, "product_id": _ID, "quantity": _COUNT, "unit_price": MONEY}
        | {"amount": MONEY}
    ),
    "refunds": _schema(
        {"refund_id": _ID, "order_id": _ID, "refunded_at": TIME, "amount": MONEY, "currency": TEXT, "reason": TEXT}
    ),
    "deliveries": _schema(
        {"delivery_id": _ID, "order_id": _ID, "carrier": TEXT, "shipped_at": TIME, "promised_at": TIME},
        delivered_at=TIME,
    ),
    "emails": _schema(
        {"email_id": _ID, "customer_id": _ID, "newsletter": pa.string(), "sent_at": TIME},
        opened_at=TIME,
        clicked_at=TIME,
    ),
    "exchange_rates": _schema({"currency": pa.string(), "rate_date": DATE, "per_euro": pa.decimal128(14, 6)}),
    "exposures": _schema(
        {"experiment": pa.string(), "unit": pa.string(), "unit_id": _ID, "visitor_id": _ID, "arm": pa.string()}
        | {"stage": _COUNT, "enrolled_share": pa.float64(), "exposed_at": TIME},
        customer_id=_ID,
    ),
    "campaigns": _schema({"campaign": pa.string(), "customer_id": _ID, "sent_at": TIME, "ends_at": TIME}),
}

# What makes a row of each table its own; `events` only once duplicates are removed.
KEYS: dict[str, tuple[str, ...]] = {
    "customers": ("customer_id",),
    "visitors": ("visitor_id",),
    "products": ("product_id",),
    "sessions": ("session_id",),
    "events": ("event_id",),
    "orders": ("order_id",),
    "order_lines": ("order_id", "line_number"),
    "refunds": ("refund_id",),
    "deliveries": ("delivery_id",),
    "emails": ("email_id",),
    "exchange_rates": ("currency", "rate_date"),
    "exposures": ("experiment", "unit_id"),
    "campaigns": ("campaign", "customer_id"),
}

# Tables that belong to no chunk.
FIXED_TABLES = ("products", "exchange_rates")
