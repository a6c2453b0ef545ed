"""A pool's figures, judged: what old programs that watch their pool look at.

Percents are of the pool's size, 0 to 100. A health score of 100 is best; below 50 is unhealthy.
"""

from __future__ import annotations

from typing import Any

Report = dict[str, Any]

_BUSY, _FULL = 75.0, 90.0
"""Percents in use from which on it is told."""
_RISKS = ((95.0, "critical"), (80.0, "high"), (60.0, "medium"), (0.0, "low"))

_OFF = "Connection pooling is disabled"
_TURN_ON = "Use DatabaseManager(use_pool=True) where several threads work at the same time"


def utilization(status: Report) -> float:
    """Percent of the pool that is in use."""
    size = int(status["pool_size"])
    return min(100.0, 100.0 * int(status["active_connections"]) / size) if size > 0 else 0.0


def remarks(status: Report) -> list[tuple[float, str, str]]:
    """What is amiss: how many points it costs, what it is, and what to do."""
    found: list[tuple[float, str, str]] = []
    used = utilization(status)
    if used >= _BUSY:
        found.append((
            30.0 if used >= _FULL else 15.0,
            f"{status['active_connections']} of {status['pool_size']} connections are in use",
            "Raise CONNECTION_POOL_SIZE, or return connections sooner",
        ))
    if status["pool_exhaustion_events"] > 0:
        found.append((
            25.0,
            f"The pool was exhausted {status['pool_exhaustion_events']} times",
            "The log says who held the connections, and where: return them there",
        ))
    if not status["cleanup_thread_alive"]:
        found.append((60.0, "The pool is closed", "The next use of it opens it again"))
    return found


def score(status: Report) -> float:
    return max(0.0, 100.0 - sum(cost for cost, _, _ in remarks(status)))


def health(status: Report | None) -> Report:
    """The part of a check-up that is about the pool; None: there is none."""
    if status is None:
        return {"enabled": False}
    found = remarks(status)
    return {
        "enabled": True,
        "pool_size": status["pool_size"],
        "active_connections": status["active_connections"],
        "available_connections": status["available_connections"],
        "utilization_percent": utilization(status),
        "health_score": score(status),
        "exhaustion_events": status["pool_exhaustion_events"],
        "peak_active": status["peak_active_connections"],
        "warnings": [warning for _, warning, _ in found],
        "recommendations": [cure for _, _, cure in found],
    }


def is_healthy(pool: Report) -> bool:
    """Of what `health` has given."""
    return not pool["enabled"] or bool(pool["health_score"] >= 50)


def metrics(status: Report | None) -> Report:
    if status is None:
        return {"pool_enabled": False, "message": _OFF}
    return {"pool_enabled": True, **status}


def monitored(status: Report | None) -> Report:
    if status is None:
        return {"monitoring_enabled": False, "message": _OFF, "recommendations": [_TURN_ON]}
    found = remarks(status)
    return {
        "monitoring_enabled": True,
        "pool_status": status,
        "pool_utilization": utilization(status),
        "warnings": [warning for _, warning, _ in found],
        "recommendations": [cure for _, _, cure in found],
        "health_score": score(status),
    }


def exhaustion(status: Report | None) -> Report:
    if status is None:
        return {"pool_enabled": False, "message": _OFF}
    used = utilization(status)
    risk = next(word for least, word in _RISKS if used >= least)
    if risk == "low" and status["pool_exhaustion_events"] > 0:
        risk = "medium"
    found = remarks(status)
    return {
        "pool_enabled": True,
        "exhaustion_risk": risk,
        "pool_utilization": used,
        "available_connections": status["available_connections"],
        "active_connections": status["active_connections"],
        "pool_size": status["pool_size"],
        "exhaustion_events": status["pool_exhaustion_events"],
        "issues": [warning for _, warning, _ in found],
        "recommendations": [cure for _, _, cure in found],
    }


def cleaned(before: Report | None, after: Report | None, count: int, when: str) -> Report:
    """What a forced cleanup has done, of the pool's figures before and after it."""
    if before is None or after is None:
        return {"cleanup_performed": False, "message": _OFF, "recommendation": _TURN_ON}
    return {
        "cleanup_performed": True,
        "connections_before": _counts(before),
        "connections_after": _counts(after),
        "connections_cleaned": count,
        "cleanup_time": when,
    }


def _counts(status: Report) -> Report:
    return {"total": status["total_connections"], "active": status["active_connections"]}
