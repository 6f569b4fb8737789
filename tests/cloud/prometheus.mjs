// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from '../e2e/suite.mjs';
import { run } from './command.mjs';
import { unknownSeriesNames } from './names.mjs';
import { YAML } from './template.mjs';

const RULES = 'packaging/prometheus/hadal.rules.yaml';
const rules = () => YAML.parse(readFileSync(RULES, 'utf8')).groups.flatMap((group) => group.rules);

test('prometheus: promtool reads the rules', async () => {
	run('promtool', ['check', 'rules', RULES]);
});

test('prometheus: each alert fires where it has to, and not where it must not', async () => {
	run('promtool', ['test', 'rules', 'tests/cloud/hadal.rules.test.yaml']);
});

test('prometheus: each alert is tried', async () => {
	const tried = YAML.parse(readFileSync('tests/cloud/hadal.rules.test.yaml', 'utf8')).tests
		.flatMap((one) => one.alert_rule_test.filter((alert) => alert.exp_alerts.length).map((alert) => alert.alertname));
	assert.deepEqual(rules().filter((rule) => rule.alert && !tried.includes(rule.alert)), []);
});

test('prometheus: rules ask for series and labels that hadald ships', async () => {
	const recorded = rules().flatMap((rule) => rule.record ?? []);
	assert.deepEqual(rules().flatMap((rule) => unknownSeriesNames(rule.expr, recorded)), []);
	assert.deepEqual(unknownSeriesNames('sum by (hadal_pear_name) (rate(hadal_tcp_oi_total[5m]))'), ['hadal_pear_name', 'hadal_tcp_oi_total']);
});

test('prometheus: what alerts say names series that there are', async () => {
	const said = rules().flatMap((rule) => Object.values(rule.annotations ?? {})).flatMap((text) => text.match(/\b(hadal|container)_[a-z_]+/g) ?? []);
	assert.ok(said.length > 5);
	assert.deepEqual(said.flatMap((name) => unknownSeriesNames(name)), []);
});
