// SPDX-License-Identifier: MIT
//
// SIGKILL at random moments while shipping, over and over on one spool. Three sinks:
//
//	driver --+--> first: totals to a real VictoriaMetrics
//	         +--> deltas: increments and logs  \ to receivers that keep every request, take some
//	         +--> totals: totals and logs      / without an answer, and refuse others, which they take when they come again
//
// A life of the driver counts from nothing, as a life of hadald does. Of each is known
// how much was spooled for certain when it was killed: its thread takes batch after batch, so all
// but those that wait in memory and the one that may be in its hand.
import assert from 'node:assert/strict';
import { test } from '../suite.mjs';
import { VictoriaMetrics } from '../victoriametrics.mjs';
import { Driver } from './driver.mjs';
import { parseId, readPlace, shown, spoolDirectory } from './place.mjs';
import { accountsBalance, randomNumbers, SHIP_DRIVER, startReceiver, VICTORIAMETRICS } from './context.mjs';

const SERIES = 12, RECORDS = 3;
const REQUEST_BYTES = 300;	// several requests for each record of the spool
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function assertNotBack(sink, before, after) {
	if (!before)
		return;
	const told = `${sink}: from ${shown(before)} to ${shown(after)}`;
	assert.ok(after.position >= before.position, told);
	if (after.position === before.position)
		assert.ok(after.settled.m >= before.settled.m && after.settled.l >= before.settled.l, told);
}

// A receiver and what came to it

class Kept {
	constructor(random) {
		this.random = random;
		this.place = undefined;		// of its sink, when that was last looked at
		this.taken = new Map();		// by id: what a receiver that knows ids has
		this.digests = new Map();
		this.repeats = 0;
		this.faults = [];
	}

	/** What the receiver answers next: mostly, that all is well. */
	nextAnswer() {
		return ['reset', 'reset', 'close', '503'][this.random(16)] ?? '200';
	}

	note(seen, message) {
		const id = seen.headers['hadal-batch-id'];
		if (!message || !id) {
			this.faults.push(`no good request: ${seen.error}`);
			return;
		}
		const { sequence, signal, first } = parseId(id);
		if (this.place && (sequence < this.place.position ||
				   (sequence === this.place.position && first < this.place.settled[signal])))
			this.faults.push(`${id} was settled: ${shown(this.place)}`);
		if ((this.digests.get(id) ?? seen.digest) !== seen.digest)
			this.faults.push(`${id} has other bytes than before`);
		this.digests.set(id, seen.digest);
		if (!/^(200|reset)$/.test(seen.answer))
			return;
		this.repeats += this.taken.has(id);
		this.taken.set(id, message);
	}

	/** Of one record's requests with different ids none may hold what another holds. */
	overlaps() {
		const records = new Map();
		for (const id of this.taken.keys()) {
			const part = parseId(id);
			records.set(part.record, [...records.get(part.record) ?? [], part]);
		}
		return [...records.values()].flatMap((parts) => {
			parts.sort((a, b) => Number(a.first - b.first));
			return parts.filter((part, i) => i && part.first < parts[i - 1].end).map(({ record, first }) => `${record}${first}`);
		});
	}

	*points() {
		for (const { resourceMetrics = [] } of this.taken.values())
			for (const { scopeMetrics } of resourceMetrics)
				for (const { metrics } of scopeMetrics)
					for (const { sum } of metrics)
						for (const point of sum.dataPoints)
							yield { series: Number(point.attributes[0].value.intValue), time: BigInt(point.timeUnixNano),
								start: point.startTimeUnixNano, value: Number(point.asInt) };
	}

	/** Of each life how many batches came, from the first on, each of their records once. */
	batches(lives) {
		const seen = lives.map(() => new Map());
		for (const { resourceLogs = [] } of this.taken.values())
			for (const { scopeLogs } of resourceLogs)
				for (const { logRecords } of scopeLogs)
					for (const { attributes } of logRecords) {
						const [life, batch, number] = attributes.map(({ value }) => Number(value.intValue));
						const key = batch * RECORDS + number;
						seen[life].set(key, (seen[life].get(key) ?? 0) + 1);
					}
		return seen.map((records, life) => {
			assert.ok([...records.values()].every((times) => times === 1), `life ${life}: a record came twice`);
			const last = records.size / RECORDS;
			for (let key = RECORDS; key < (last + 1) * RECORDS; key++)
				assert.ok(records.has(key), `life ${life}: record ${key} of ${records.size} is missing`);
			return last;
		});
	}
}

async function startKept(t, random) {
	const kept = new Kept(random);
	const receiver = await startReceiver(t, { onRequest: (seen, message) => {
		kept.note(seen, message);
		receiver.answers.push(kept.nextAnswer());
	} });
	kept.url = receiver.url;
	return kept;
}

// Lives

let clock = 0;

/** A moment that none had before, to the millisecond that a database keeps. */
function moment() {
	clock = Math.max(clock + 1, Date.now());
	return `${clock}000000`;
}

function batchOf(life, number, start) {
	const time = moment();
	const points = Array.from({ length: SERIES }, (_, series) => ({ attributes: { series }, start, time,
		int: String(number * (series + 1)) }));
	const logs = Array.from({ length: RECORDS }, (_, record) => ({ event: 'hadal.process.exec', time, observed: time,
		severity: 9, attributes: { life, batch: number, record } }));
	return { resource: { 'host.id': 'host' }, metrics: [{ name: 'kill.total', unit: '1', kind: 'counter', points }], logs };
}

class Life {
	constructor(number, options) {
		this.number = number;
		this.start = moment();
		this.sent = 0;
		this.spooled = 0;	// of these, at least
		this.driver = new Driver(SHIP_DRIVER, options);
		this.reading = this.#read();
	}

	async #read() {
		for await (const line of this.driver.lines) {
			let stats;
			try {
				stats = JSON.parse(line);
			} catch {
				return;		// killed amid the line
			}
			this.stats = stats;
			this.spooled = Math.max(this.spooled, stats.batches - stats.queue_batches - 1);
		}
	}

	submit() {
		this.sent++;
		this.driver.submit(batchOf(this.number, this.sent, this.start));
		this.driver.send({ stats: true });
	}

	/**
	 * Submits at a random rhythm until it is killed at a random moment: before it can do anything; when its
	 * sinks have written down their place once, amid a record most often; or so late that they did again.
	 */
	async liveAndDie(random) {
		const kind = random(10), early = kind < 2, late = kind === 9;
		while (!early && !this.stats && this.driver.process.exitCode === null) {
			if (!this.sent)
				this.submit();
			await sleep(1);
		}
		const killed = sleep(random(early ? 120 : late ? 2500 : 250)).then(() => this.driver.process.kill('SIGKILL'));
		let dead = false;
		this.driver.ended.then(() => { dead = true; });
		while (!dead) {
			this.submit();
			await Promise.race([sleep(random(60)), this.driver.ended]);
		}
		await killed;
		assert.equal(await this.driver.ended, 'SIGKILL', this.driver.messages);
		await this.reading;
	}

	async finish() {
		this.submit();
		for (;;) {
			await sleep(20);
			this.driver.send({ stats: true });
			const sinks = Object.values(this.stats?.sinks ?? {});
			if (this.stats?.batches === this.sent && sinks.every(({ metrics, logs }) => !metrics.waiting && !logs.waiting))
				break;
			assert.equal(this.driver.process.exitCode, null, this.driver.messages);
		}
		this.spooled = this.sent;
		this.driver.process.stdin.end();
		assert.equal(await this.driver.ended, 0, this.driver.messages);
		await this.reading;
	}
}

// What must be true at the end

function checkTotals(where, points, expected, start) {
	const series = Array.from({ length: SERIES }, () => []);
	for (const point of points)
		series[point.series].push(point);
	series.forEach((list, i) => {
		list.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
		list.forEach((point, at) => {
			const before = list[at - 1];
			if (before)
				assert.ok(before.time === point.time ? before.value === point.value : before.value <= point.value,
					`${where}: series ${i}: ${before.value}, then ${point.value}`);
			if (start)
				assert.equal(point.start, start, 'totals go on with the start that they had');
		});
		assert.equal(list.at(-1).value, expected * (i + 1), `${where}: the last total of series ${i} of ${list.length} points`);
	});
}

function checkIncrements(points, expected) {
	const sums = Array(SERIES).fill(0);
	for (const { series, value } of points)
		sums[series] += value;
	assert.deepEqual(sums, sums.map((_, i) => expected * (i + 1)));
}

async function databasePoints(database) {
	const list = await database.export('{__name__=~"kill.total"}');
	return list.flatMap(({ metric, values, timestamps }) => values.map((value, i) => (
		{ series: Number(metric.series), time: timestamps[i], value })));
}

export function testKills(kills, seed) {
	test(`kill: ${kills} times at random moments (seed ${seed}): nothing that was spooled is lost, nothing doubled`, async (t) => {
		const random = randomNumbers(seed);
		const directory = spoolDirectory(t);
		const database = await VictoriaMetrics.start(VICTORIAMETRICS);
		t.after(() => database.stop());
		const deltas = await startKept(t, random), totals = await startKept(t, random);
		const often = ['backoff_first_ms=1', 'backoff_max_ms=20', `request_bytes=${REQUEST_BYTES}`];
		const options = [`spool_directory=${directory}`, `endpoint=${database.endpoint}`, 'logs_off', ...often,
			'sink=deltas', `endpoint=${deltas.url}`, 'delta', ...often, 'sink=totals', `endpoint=${totals.url}`, ...often];
		const places = {}, lives = [];
		let driver;
		t.after(() => driver?.process.kill('SIGKILL'));

		for (let number = 0; number <= kills; number++) {
			const life = new Life(number, options);
			driver = life.driver;
			lives.push(life);
			await (number < kills ? life.liveAndDie(random) : life.finish());
			for (const [sink, kept] of Object.entries({ first: {}, deltas, totals })) {
				const place = readPlace(directory, sink);
				assertNotBack(sink, places[sink], place);
				places[sink] = kept.place = place;
			}
			for (const { faults } of [deltas, totals])
				assert.deepEqual(faults, [], `life ${number}`);
		}

		assert.deepEqual([deltas.overlaps(), totals.overlaps()], [[], []]);
		const arrived = deltas.batches(lives);
		assert.deepEqual(totals.batches(lives), arrived);
		lives.forEach(({ number, sent, spooled }, i) => assert.ok(arrived[i] >= spooled && arrived[i] <= sent,
			`life ${number}: ${arrived[i]} batches arrived; spooled: at least ${spooled} of ${sent}`));
		const expected = arrived.reduce((sum, one) => sum + one, 0);
		checkIncrements(deltas.points(), expected);
		const [{ start }] = totals.points();
		checkTotals('totals', totals.points(), expected, start);
		checkTotals('first', await databasePoints(database), expected);
		for (const { metrics, logs } of Object.values(lives.at(-1).stats.sinks))
			assert.ok(accountsBalance(metrics) && accountsBalance(logs));
		const sum = (of) => lives.reduce((all, one) => all + of(one), 0);
		console.log(`        ${kills} kills: ${sum(({ sent }) => sent)} batches submitted, at least ${sum(({ spooled }) => spooled)
		} of them spooled, ${expected} delivered to each; ${deltas.taken.size} and ${totals.taken.size} requests, ${
			deltas.repeats} and ${totals.repeats} came again`);
	}, 60000 + 20000 * kills);
}
