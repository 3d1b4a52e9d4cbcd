"""Watching: alerts on metrics and on the freshness of tables, one a cause, told once."""

from steelyard.metrics.watching.alert import Alert
from steelyard.metrics.watching.sink import Mail, Sink, Webhook
from steelyard.metrics.watching.watch import watch
from steelyard.metrics.watching.watch_report import WatchReport

__all__ = ["Alert", "Mail", "Sink", "WatchReport", "Webhook", "watch"]
