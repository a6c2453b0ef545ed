"""Versions, retention, categories, quotas, activity and figures."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

import strongroom
from strongroom import Keep


@pytest.fixture
def changed(catalog: strongroom.Catalog) -> strongroom.Catalog:
    """A file "a" with four versions, of 1 to 4 bytes."""
    for i in range(1, 5):
        catalog.save_file("laptop", "a", size=i, crc=i, date=f"2026-01-0{i}", stored=False)
    return catalog


# ---- Versions


def test_history(changed: strongroom.Catalog) -> None:
    versions = list(changed.history("laptop", "a"))
    assert [(v.number, v.size, v.active) for v in versions] == [
        (1, 1, False), (2, 2, False), (3, 3, False), (4, 4, True)
    ]
    assert versions[1].parent == versions[0].id
    assert versions[0].modified == datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    assert versions[0].created_at is not None
    assert changed.version("laptop", "a", 2) == versions[1]
    diff = changed.diff_versions("laptop", "a", 1, 2)
    assert diff.a == versions[0] and {"size", "date", "crc"} <= set(diff.fields)


def test_versions_that_are_none(changed: strongroom.Catalog) -> None:
    calls: list[Any] = [
        lambda: changed.version("laptop", "a", 9),
        lambda: changed.diff_versions("laptop", "a", 1, 9),
        lambda: changed.activate_version("laptop", "a", 9),
        lambda: changed.pin_version("laptop", "a", 9),
        lambda: changed.history("laptop", "b"),
        lambda: changed.history("nobody", "a"),
    ]
    for call in calls:
        with pytest.raises(strongroom.NotFoundError):
            call()


def test_activating(changed: strongroom.Catalog) -> None:
    assert changed.activate_version("laptop", "a", 1) == 5
    assert changed.file("laptop", "a").size == 1
    assert changed.file("laptop", "a").versions == 5
    with pytest.raises(strongroom.InvalidError):
        changed.activate_version("laptop", "a", 5)


# ---- Retention


def test_pruning(changed: strongroom.Catalog) -> None:
    assert changed.pin_version("laptop", "a", 1) == 1
    assert changed.pin_version("laptop", "a") == 4
    assert changed.unpin_version("laptop", "a") == 4
    seen: list[strongroom.PrunedVersion] = []
    dry = changed.prune(Keep(last=2), dry_run=True, each=lambda version: seen.append(version))
    assert (dry.pruned, dry.kept, dry.bytes) == (1, 3, 2)
    assert [(v.version.number, v.kept) for v in seen] == [
        (4, "last, active"), (3, "last"), (2, ""), (1, "pinned")
    ]
    assert (seen[0].client_name, seen[0].path) == ("laptop", "a")
    assert changed.file("laptop", "a").versions == 4
    assert changed.prune(Keep(last=2), client="laptop", path="a") == dry
    assert [v.number for v in changed.history("laptop", "a")] == [1, 3, 4]


def test_pruning_can_be_stopped(changed: strongroom.Catalog) -> None:
    with pytest.raises(ZeroDivisionError):
        changed.prune(Keep(last=1), dry_run=True, each=lambda version: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        changed.prune(Keep(last=1), dry_run=True, progress=lambda done, total: 1 / 0)
    with pytest.raises(strongroom.InterruptedByCallerError):
        changed.prune(Keep(last=1), dry_run=True, each=lambda version: version.kept == "")
    assert changed.file("laptop", "a").versions == 4


@pytest.mark.parametrize(
    "keep", [Keep(), Keep(last=-5), Keep(daily="many"), Keep(within="5 minutes")]
)
def test_rules_that_make_no_sense(changed: strongroom.Catalog, keep: Keep) -> None:
    calls: list[Any] = [
        changed.prune,
        lambda keep: changed.set_policy("laptop", keep),
        changed.rotate_backups,
    ]
    for call in calls:
        with pytest.raises(strongroom.InvalidError):
            call(keep)
    assert changed.file("laptop", "a").versions == 4


def test_policies(changed: strongroom.Catalog) -> None:
    with pytest.raises(strongroom.NotFoundError):
        changed.prune_by_policy()
    with pytest.raises(strongroom.NotFoundError):
        changed.policy("laptop")
    keep = Keep(last=1, yearly="unlimited", within=datetime.timedelta(days=30))
    changed.set_policy("laptop", keep)
    policy = changed.policy("laptop")
    assert policy.keep == keep and policy.client_name == "laptop" and policy.updated_at is not None
    assert list(changed.policies()) == [policy]
    changed.set_policy("laptop", policy.keep)
    assert changed.policy("laptop").keep == keep
    changed.set_policy("laptop", Keep(last=1))
    assert changed.prune_by_policy(client="laptop").pruned == 3
    assert changed.clear_policy("laptop") and not changed.clear_policy("laptop")
    with pytest.raises(ValueError, match="whole hours"):
        changed.set_policy("laptop", Keep(within=datetime.timedelta(minutes=90)))


# ---- Categories


def test_categories(catalog: strongroom.Catalog) -> None:
    names = [category.name for category in catalog.categories()]
    assert "document" in names and "other" in names
    catalog.add_category("mail", description="Letters", color="#102030", mime=["application/mbox"], extensions=["eml"])
    assert catalog.category_for("application/mbox") == catalog.category_for(None, "EML") == "mail"
    assert ("mail", "extension", "eml") in catalog.category_rules()
    with pytest.raises(strongroom.ExistsError):
        catalog.add_category("mail")
    with pytest.raises(strongroom.ExistsError):
        catalog.add_category("post", extensions=["eml"])
    catalog.update_category("mail", description=None, add_extensions=["mbox"], remove_extensions=["eml"])
    [mail] = [category for category in catalog.categories() if category.name == "mail"]
    assert (mail.description, mail.color, mail.rules, mail.known) == (None, "#102030", 2, True)
    assert catalog.category_for(None, "eml") == "other"
    with pytest.raises(strongroom.NotFoundError):
        catalog.update_category("nothing", color="#000000")


def test_files_of_categories(catalog: strongroom.Catalog) -> None:
    catalog.add_category("mail", extensions=["eml"])
    catalog.save_file("laptop", "a.eml", extension="eml", size=5)
    moves = catalog.classify(dry_run=True)
    assert moves == (1, 1, [("document", "mail", 1, 5)])
    assert catalog.file("laptop", "a.eml").category == "document"
    assert catalog.classify(client="laptop", category="document") == moves
    assert catalog.file("laptop", "a.eml").category == "mail"
    with pytest.raises(strongroom.RefusedError, match="'mail'"):
        catalog.delete_category("mail")
    assert catalog.delete_category("mail", move_to="other") == 1
    catalog.assign_category("laptop", "a.eml", "image")
    assert catalog.file("laptop", "a.eml").category == "image"
    [image] = [c for c in catalog.categories(counts=True) if c.name == "image"]
    assert (image.files, image.bytes) == (1, 5)
    for path, category in (("a.eml", "none"), ("b", "image")):
        with pytest.raises(strongroom.NotFoundError):
            catalog.assign_category("laptop", path, category)


# ---- Quotas


def test_quotas(catalog: strongroom.Catalog) -> None:
    assert catalog.quota("laptop").state == "unlimited"
    quota = catalog.set_quota("laptop", "1K", warning_threshold=0.5)
    assert (quota.quota_bytes, quota.available_bytes, quota.state) == (1024, 1024, "ok")
    catalog.save_file("laptop", "a", size=512)
    assert catalog.quota("laptop").state == "warning"
    assert catalog.quota("laptop").used_percent == 50.0
    assert [q.client_name for q in catalog.quotas()] == ["laptop"]
    assert catalog.set_quota("laptop", 100).state == "exceeded"
    assert catalog.set_quota("laptop", 1024).warning_threshold == 0.5
    assert catalog.clear_quota("laptop") and not catalog.clear_quota("laptop")
    sizes: list[int | str] = [-1, "much"]
    for wrong in sizes:
        with pytest.raises(strongroom.InvalidError):
            catalog.set_quota("laptop", wrong)
    with pytest.raises(strongroom.InvalidError):
        catalog.set_quota("laptop", 1, warning_threshold=1.5)


def test_quotas_of_everybody(catalog: strongroom.Catalog) -> None:
    assert catalog.default_quota() == (None, None)
    catalog.set_default_quota("1G")
    assert catalog.default_quota() == (2**30, 0.8)
    assert catalog.quota(catalog.add_client("new")).quota_bytes == 2**30
    catalog.set_default_quota(None)
    assert catalog.default_quota().quota_bytes is None
    assert not catalog.quotas_enforced()
    catalog.enforce_quotas()
    assert catalog.quotas_enforced()
    catalog.enforce_quotas(False)
    assert not catalog.quotas_enforced()


# ---- Activity and figures


def test_activity(catalog: strongroom.Catalog) -> None:
    catalog.save_file("laptop", "a", size=5)
    catalog.report_failures("laptop", 2)
    assert [(a.type, a.files) for a in catalog.activity("laptop")] == [("save_failed", 2), ("save", 1)]
    [save] = catalog.activity(type="save", since="1h", limit=5)
    assert save.client_name == "laptop" and save.bytes == 5 and save.at is not None
    assert list(catalog.activity(since=datetime.timedelta(hours=-1))) == []
    with pytest.raises(strongroom.NotFoundError):
        catalog.activity("nobody")
    [before, today] = catalog.transfers(2)
    assert (before.total_files, today.total_files, today.failed_transfers) == (0, 3, 2)
    assert today.day - before.day == datetime.timedelta(days=1)
    assert list(catalog.transfers()) == [today]
    assert catalog.cleanup_activity("7d") == 0
    with pytest.raises(strongroom.InvalidError):
        catalog.cleanup_activity("soon")
    with pytest.raises(strongroom.InvalidError):
        catalog.report_failures("laptop", -1)


def test_figures(catalog: strongroom.Catalog) -> None:
    catalog.save_files("laptop", ({"name": f"{i}", "size": 1024, "date": "2026-01-31"} for i in range(4)))
    catalog.set_verified("laptop", "1")
    found = catalog.statistics()
    assert (found.total_clients, found.total_files, found.verification_rate) == (1, 4, 25.0)
    assert found.file_path == catalog.path
    assert [(t.name, t.files, t.bytes) for t in catalog.totals()] == [("document", 4, 4096)]
    assert [t.name for t in catalog.totals("month")] == ["2026-01"]
    assert [t.name for t in catalog.totals("day")] == ["2026-01-31"]
    [size] = catalog.totals("size")
    assert (size.size_from, size.size_below) == (1024, 16384)
    with pytest.raises(ValueError, match="'year'"):
        catalog.totals("year")  # type: ignore[arg-type]
    [usage] = catalog.usage(7)
    assert (usage.name, usage.bytes, usage.share_percent) == ("laptop", 4096, 100.0)
    pool = catalog.pool()
    assert pool.enabled and pool.active == 0 and pool.commits >= 2


def test_metrics(catalog: strongroom.Catalog) -> None:
    for value in (0.5, 1):
        catalog.record_metric("load", value)
    values = list(catalog.metrics("load", hours=1))
    assert [metric.value for metric in values] == [0.5, 1.0]
    assert values[0].at is not None
    assert catalog.cleanup_metrics() == 0 and catalog.cleanup_metrics(0) == 2
    with pytest.raises(strongroom.InvalidError):
        catalog.record_metric("load", float("nan"))
