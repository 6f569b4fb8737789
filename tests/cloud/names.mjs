// SPDX-License-Identifier: MIT
//
// Names in queries against those that docs/metrics.md and docs/prometheus.md tell,
// which unit tests hold to the code.
import { readFileSync } from 'node:fs';

const metrics = readFileSync('docs/metrics.md', 'utf8');
const prometheus = readFileSync('docs/prometheus.md', 'utf8');

const otlpNames = new Set([...metrics.matchAll(/`([a-z][a-z0-9_.]*[a-z0-9])`/g)].map(([, name]) => name));
const series = new Set([...prometheus.matchAll(/^\| `[a-z0-9_.]+` \| `([a-z0-9_]+)` \|/gm)].map(([, name]) => name));
const labels = new Set([...otlpNames].map((name) => name.replaceAll('.', '_')));
const LABELS_OF_PROMETHEUS = ['job', 'instance', 'le'];

/** Names in quotes, as PromQL of CloudWatch has them, that hadald does not ship; values, behind =, are none. */
export function unknownOtlpNames(query) {
	const without = query.replaceAll(/="[^"]*"/g, '=');
	return [...without.matchAll(/"(?:@resource\.)?([^"]+)"/g)].map(([, name]) => name).filter((name) => !otlpNames.has(name));
}

/** Names of series and labels in an expression of Prometheus that hadald does not ship and no rule of @recorded makes. */
export function unknownSeriesNames(expression, recorded = []) {
	const without = expression.replaceAll(/"[^"]*"/g, '""');
	const names = without.match(/[a-z_][a-z0-9_:]*_[a-z0-9_:]+\b(?!\()/g) ?? [];	// functions have a parenthesis
	return names.filter((name) => !series.has(name) && !labels.has(name) && !recorded.includes(name) &&
		!LABELS_OF_PROMETHEUS.includes(name));
}
