#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// An OTLP/HTTP receiver for tests, on loopback, with OpenTelemetry's own decoder:
// what it understands is what any receiver would.
//
//   otlp-log-receiver.mjs --decoder DIR [--port N] [--port-file FILE]
//                         [--records FILE] [--requests FILE] [--answers LIST]
//
//   --decoder    node_modules as tests/e2e/fetch-otlp-decoder prints it
//   --port       0, the default: any that is free
//   --port-file  gets the port once it listens
//   --records    gets a line of JSON for each log record
//   --requests   gets a line of JSON for each request, with the answer given
//   --answers    what to answer to the first requests, separated by commas, before
//                all goes well; more can be given later by POST /answers:
//                  N            that status
//                  N:SECONDS    with Retry-After; N:date=SECONDS as an HTTP-date
//                  close        close the connection without an answer
//                  reset        likewise, after having taken the request as good
//                  partial:N:TEXT  200, with N items rejected for that reason
//                  hang         no answer, until the other side gives up
//                  huge         200 and an answer without end
//                  redirect:URL 307
//
// Records are told as they are: attributes as an object, 64-bit numbers as text.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { appendFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

export function loadDecoder(directory) {
	const require = createRequire(pathToFileURL(`${directory}/`));
	return require('@opentelemetry/otlp-transformer/build/src/generated/root.js').opentelemetry.proto;
}

// Messages to plain values

function plainValue(value) {
	const kind = Object.keys(value ?? {})[0];
	switch (kind) {
	case 'arrayValue': return (value.arrayValue.values ?? []).map(plainValue);
	case 'kvlistValue': return plainAttributes(value.kvlistValue.values);
	case 'bytesValue': return { bytes: Buffer.from(value.bytesValue).toString('hex') };
	case 'intValue': return { int: value.intValue };
	default: return kind === undefined ? null : value[kind];
	}
}

export function plainAttributes(list = []) {
	return Object.fromEntries(list.map(({ key, value }) => [key, plainValue(value)]));
}

function* plainRecords(message) {
	for (const { resource, scopeLogs = [] } of message.resourceLogs ?? [])
		for (const { scope, logRecords = [] } of scopeLogs)
			for (const record of logRecords)
				yield {
					resource: plainAttributes(resource?.attributes),
					scope: { name: scope?.name, version: scope?.version },
					event: record.eventName,
					time: record.timeUnixNano,
					observed: record.observedTimeUnixNano,
					severity: record.severityNumber,
					body: record.body ? plainValue(record.body) : undefined,
					attributes: plainAttributes(record.attributes),
				};
}

function countPoints(message) {
	let count = 0;
	for (const { scopeMetrics = [] } of message.resourceMetrics ?? [])
		for (const { metrics = [] } of scopeMetrics)
			for (const metric of metrics) {
				const data = metric.sum ?? metric.gauge ?? metric.histogram ?? metric.exponentialHistogram;
				count += data.dataPoints.length;
			}
	return count;
}

// Answers

function httpDate(seconds) {
	return new Date(Date.now() + seconds * 1000).toUTCString();
}

function retryAfter(text) {
	return text.startsWith('date=') ? httpDate(Number(text.slice(5))) : text;
}

export class Receiver {
	constructor({ decoder, answers = [], onRecord = () => {}, onRequest = () => {} }) {
		const { collector } = loadDecoder(decoder);
		this.types = {
			'/v1/logs': [collector.logs.v1.ExportLogsServiceRequest, collector.logs.v1.ExportLogsServiceResponse,
				'rejectedLogRecords'],
			'/v1/metrics': [collector.metrics.v1.ExportMetricsServiceRequest,
				collector.metrics.v1.ExportMetricsServiceResponse, 'rejectedDataPoints'],
		};
		this.answers = [...answers];
		this.onRecord = onRecord;
		this.onRequest = onRequest;
		this.requests = [];	// all that came
		this.records = [];	// of requests that were taken
		this.metrics = [];	// likewise: decoded requests
		this.sockets = new Set();
		this.server = createServer((request, response) => this.#take(request, response));
		this.server.keepAliveTimeout = 0;	// whoever keeps a connection may keep it
		this.server.on('connection', (socket) => this.#connected(socket));
		this.connections = 0;
	}

	async listen(port = 0) {
		await new Promise((done, failed) => {
			this.server.once('error', failed);
			this.server.listen(port, '127.0.0.1', done);
		});
		this.port = this.server.address().port;
		this.url = `http://127.0.0.1:${this.port}`;
		return this;
	}

	async close() {
		for (const socket of this.sockets)
			socket.destroy();
		await new Promise((done) => this.server.close(done));
	}

	#connected(socket) {
		this.connections++;
		this.sockets.add(socket);
		socket.on('close', () => this.sockets.delete(socket));
		socket.on('error', () => {});
	}

	async #take(request, response) {
		const chunks = [];
		try {
			for await (const chunk of request)
				chunks.push(chunk);
		} catch {
			return;		// gone amid its request
		}
		const body = Buffer.concat(chunks);
		if (request.method === 'POST' && request.url === '/answers') {
			this.answers.push(...splitAnswers(body.toString()));
			response.end();
			return;
		}
		this.#answer(request, body, response);
	}

	#decode(request, body) {
		const type = this.types[new URL(request.url, this.url).pathname.match(/\/v1\/(logs|metrics)$/)?.[0]];
		if (!type || request.method !== 'POST')
			throw Object.assign(new Error(`no such place: ${request.method} ${request.url}`), { status: 404 });
		if (request.headers['content-type'] !== 'application/x-protobuf')
			throw Object.assign(new Error('not protobuf'), { status: 415 });
		const raw = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
		const message = type[0].toObject(type[0].decode(raw), { longs: String, enums: Number });
		return { type, message, rawSize: raw.length, digest: createHash('sha256').update(raw).digest('hex') };
	}

	#keep(message) {
		if (message.resourceMetrics)
			this.metrics.push(message);
		for (const record of plainRecords(message)) {
			this.records.push(record);
			this.onRecord(record);
		}
	}

	#answer(request, body, response) {
		let decoded, answer;
		try {
			decoded = this.#decode(request, body);
			answer = this.answers.shift() ?? '200';
		} catch (error) {
			decoded = { error };
			answer = String(error.status ?? 400);
		}
		const items = decoded.message ? countPoints(decoded.message) + [...plainRecords(decoded.message)].length : 0;
		const seen = { path: request.url, headers: request.headers, size: body.length, rawSize: decoded.rawSize,
			digest: decoded.digest, items, answer, error: decoded.error?.message, at: performance.now() };
		this.requests.push(seen);
		if (decoded.message && /^(200|partial|reset)/.test(answer))
			this.#keep(decoded.message);
		this.#carryOut(answer, decoded, request, response);
		this.onRequest(seen, decoded.message);
	}

	#carryOut(answer, decoded, request, response) {
		const [what, ...rest] = answer.split(':');
		switch (what) {
		case 'close':
		case 'reset':
			request.socket.destroy();
			break;
		case 'hang':
			break;
		case 'huge':
			response.writeHead(200, { 'Content-Type': 'application/x-protobuf' });
			this.#pour(response);
			break;
		case 'redirect':
			response.writeHead(307, { Location: rest.join(':') }).end();
			break;
		case 'partial':
			this.#export(response, decoded.type,
				{ [decoded.type[2]]: Number(rest[0]), errorMessage: rest.slice(1).join(':') });
			break;
		case '200':
			this.#export(response, decoded.type);
			break;
		default:
			response.writeHead(Number(what), rest.length ? { 'Retry-After': retryAfter(rest.join(':')) } : {});
			response.end(decoded.error?.message ?? `answer ${what} as told`);
		}
	}

	#export(response, [, type], partialSuccess) {
		const bytes = type.encode(type.fromObject(partialSuccess ? { partialSuccess } : {})).finish();
		response.writeHead(200, { 'Content-Type': 'application/x-protobuf', 'Content-Length': bytes.length });
		response.end(bytes);
	}

	#pour(response) {
		const piece = Buffer.alloc(65536);
		const go = () => {
			while (!response.destroyed && response.write(piece));
		};
		response.on('drain', go);
		go();
	}
}

export function splitAnswers(text) {
	return text.split(',').map((word) => word.trim()).filter(Boolean);
}

async function main() {
	const { values } = parseArgs({ options: {
		decoder: { type: 'string' }, port: { type: 'string', default: '0' }, 'port-file': { type: 'string' },
		records: { type: 'string' }, requests: { type: 'string' }, answers: { type: 'string', default: '' },
	} });
	const line = (file) => (value) => file && appendFileSync(file, `${JSON.stringify(value)}\n`);
	const receiver = await new Receiver({
		decoder: values.decoder,
		answers: splitAnswers(values.answers),
		onRecord: line(values.records),
		onRequest: line(values.requests),
	}).listen(Number(values.port));
	if (values['port-file'])
		writeFileSync(values['port-file'], `${receiver.port}\n`);
	console.log(receiver.url);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
	await main();
