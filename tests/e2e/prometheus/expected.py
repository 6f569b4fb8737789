# SPDX-License-Identifier: MIT
"""What Prometheus should have of points that are told as JSON lines.

Names and labels are worked out here anew, by the specification ("Prometheus and
OpenMetrics Compatibility"): what is tested must not say what is right.
"""

import datetime
import json
import math
import re

UNITS = {"By": "bytes", "s": "seconds"}
BOUNDS = [2.0**e for e in (-13, -12, -11, -10, -8, -6, -4, -2, 0, 3)]
IDENTITY = ("service.name", "service.namespace", "service.instance.id")
ENDED = None


def sane(name):
    return re.sub(r"_+", "_", re.sub(r"[^a-zA-Z0-9_]", "_", name))


def family(point):
    name = sane(point["metric"])
    unit = re.sub(r"\{.*\}", "", point["unit"])
    if unit == "1":
        unit = "ratio" if point["kind"] == "gauge" else ""
    else:
        unit = UNITS[unit] if unit else ""
    return name + ("_" + unit if unit else "")


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def identity(resource):
    namespace = resource.get("service.namespace")
    labels = {
        "job": (namespace + "/" if namespace else "") + resource.get("service.name", ""),
        "instance": resource.get("service.instance.id", ""),
    }
    return {key: value for key, value in labels.items() if value}


def labels_of(resource, attributes):
    own = {sane(key): text(value) for key, value in attributes.items() if text(value)}
    return {**own, **identity(resource)}


def key(name, labels, **more):
    return frozenset({"__name__": name, **labels, **more}.items())


def upper_bounds(point):
    base = 2.0 ** (2.0 ** -point["scale"])
    return [base ** (point["offset"] + i + 1) for i in range(len(point["counts"]))]


def below(point, bound):
    """How many values are at or below a bound of which is known that no bucket has it inside."""
    if "bounds" in point:
        return sum(count for count, upper in zip(point["counts"], point["bounds"]) if upper <= bound)
    inside = point["zero_count"] if point["zero_threshold"] <= bound else 0
    return inside + sum(c for c, upper in zip(point["counts"], upper_bounds(point)) if upper <= bound * (1 + 1e-9))


def histogram(point, labels, bounds):
    name = family(point)
    ended = point.get("ended")
    for bound in bounds:
        yield key(name + "_bucket", labels, le=bound), ENDED if ended else below(point, bound)
    yield key(name + "_bucket", labels, le=math.inf), ENDED if ended else point["count"]
    yield key(name + "_count", labels), ENDED if ended else point["count"]
    yield key(name + "_sum", labels), ENDED if ended else point["sum"]


def series(point, bounds):
    labels = labels_of(point["resource"], point["attributes"])
    if "histogram" in point["kind"]:
        yield from histogram(point, labels, bounds)
        return
    suffix = "_total" if point["kind"] == "counter" else ""
    yield key(family(point) + suffix, labels), ENDED if point.get("ended") else point["value"]


def targets(points):
    living = {}
    for point in points:
        rest = {k: v for k, v in point["resource"].items() if k not in IDENTITY}
        if rest:
            name = key("target_info", labels_of(point["resource"], rest))
            living[name] = living.get(name, False) or not point.get("ended")
    for name, lives in living.items():
        yield name, 1 if lives else ENDED


def milliseconds(timestamp):
    whole, fraction = timestamp.rstrip("Z").split(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 1000 + int(fraction[:3])


def batches(path):
    """[(time in ms, points), ...]"""
    found = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            point = json.loads(line)
            found.setdefault(milliseconds(point["timestamp"]), []).append(point)
    return sorted(found.items())


def bounds_of(points):
    explicit = [point["bounds"] for point in points if "bounds" in point]
    return explicit[0] if explicit else BOUNDS


def state(points):
    """Each series and its value, ENDED for one that ends."""
    values = dict(targets(points))
    for point in points:
        values.update(series(point, bounds_of(points)))
    return values


def living(points):
    return {name: float(value) for name, value in state(points).items() if value is not ENDED}


def bucket_of_quantile(point, quantile):
    """The classic bucket, (low, high], that has the value of that rank."""
    rank = quantile * point["count"]
    low = 0.0
    for bound in bounds_of([point]):
        if below(point, bound) >= rank:
            return low, bound
        low = bound
    return low, math.inf
