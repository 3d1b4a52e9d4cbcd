"""What a study will do, before any outcome is read."""

from __future__ import annotations

from steelyard.project.blocks import plan_blocks, plan_data
from steelyard.web.page import Crumb, Page, address
from steelyard.web.view import View

__all__ = ["plan"]


def plan(view: View) -> Page:
    """What a study will do, before any outcome is read."""
    from steelyard.studies import plan as planned

    name, project = view.names["name"], view.project
    defined = project.study(name)
    with view.warehouse(project.store.snapshot().number if project.embedded else None) as warehouse:
        found = planned(defined, project.setting(warehouse))
    registrations = project.ledger.entries(kind="registration", name=name)
    registered = next((item for item in registrations if item.body["digest"] == defined.digest()), None)
    head, *rest = plan_blocks(defined, found, registered)
    return Page(
        title="Plan",
        section="Studies",
        crumbs=[Crumb(text="Studies", href="/studies"), Crumb(text=name, href=address("studies", name))],
        lead=[head],
        blocks=rest,
        data=plan_data(defined, found, registered),
    )
